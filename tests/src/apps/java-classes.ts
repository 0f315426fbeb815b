/**
 * Compiled by `javac -g:none --release 8`, so that the tests need no compiler:
 *
 *     package lib;
 *     public class Greeting {
 *       public static String of(String who) { return who.concat(" says hello"); }
 *     }
 *
 *     package app;
 *     public class Main {
 *       public static void main(String[] a) {
 *         System.out.println(lib.Greeting.of("java") + " " + Main.class.getPackage().getImplementationTitle());
 *       }
 *     }
 */
export const javaClasses = {
  'lib/Greeting.class': Buffer.from(
    'yv66vgAAADQAEwoAAgADBwAEDAAFAAYBABBqYXZhL2xhbmcvT2JqZWN0AQAGPGluaXQ+AQADKClWCAAIAQALIHNheXMgaGVsbG8K' +
      'AAoACwcADAwADQAOAQAQamF2YS9sYW5nL1N0cmluZwEABmNvbmNhdAEAJihMamF2YS9sYW5nL1N0cmluZzspTGphdmEvbGFuZy9T' +
      'dHJpbmc7BwAQAQAMbGliL0dyZWV0aW5nAQAEQ29kZQEAAm9mACEADwACAAAAAAACAAEABQAGAAEAEQAAABEAAQABAAAABSq3AAGx' +
      'AAAAAAAJABIADgABABEAAAATAAIAAQAAAAcqEge2AAmwAAAAAAAA',
    'base64',
  ),
  'app/Main.class': Buffer.from(
    'yv66vgAAADQAOAoAAgADBwAEDAAFAAYBABBqYXZhL2xhbmcvT2JqZWN0AQAGPGluaXQ+AQADKClWCQAIAAkHAAoMAAsADAEAEGph' +
      'dmEvbGFuZy9TeXN0ZW0BAANvdXQBABVMamF2YS9pby9QcmludFN0cmVhbTsHAA4BABdqYXZhL2xhbmcvU3RyaW5nQnVpbGRlcgoA' +
      'DQADCAARAQAEamF2YQoAEwAUBwAVDAAWABcBAAxsaWIvR3JlZXRpbmcBAAJvZgEAJihMamF2YS9sYW5nL1N0cmluZzspTGphdmEv' +
      'bGFuZy9TdHJpbmc7CgANABkMABoAGwEABmFwcGVuZAEALShMamF2YS9sYW5nL1N0cmluZzspTGphdmEvbGFuZy9TdHJpbmdCdWls' +
      'ZGVyOwgAHQEAASAHAB8BAAhhcHAvTWFpbgoAIQAiBwAjDAAkACUBAA9qYXZhL2xhbmcvQ2xhc3MBAApnZXRQYWNrYWdlAQAVKClM' +
      'amF2YS9sYW5nL1BhY2thZ2U7CgAnACgHACkMACoAKwEAEWphdmEvbGFuZy9QYWNrYWdlAQAWZ2V0SW1wbGVtZW50YXRpb25UaXRs' +
      'ZQEAFCgpTGphdmEvbGFuZy9TdHJpbmc7CgANAC0MAC4AKwEACHRvU3RyaW5nCgAwADEHADIMADMANAEAE2phdmEvaW8vUHJpbnRT' +
      'dHJlYW0BAAdwcmludGxuAQAVKExqYXZhL2xhbmcvU3RyaW5nOylWAQAEQ29kZQEABG1haW4BABYoW0xqYXZhL2xhbmcvU3RyaW5n' +
      'OylWACEAHgACAAAAAAACAAEABQAGAAEANQAAABEAAQABAAAABSq3AAGxAAAAAAAJADYANwABADUAAAA1AAMAAQAAACmyAAe7AA1Z' +
      'twAPEhC4ABK2ABgSHLYAGBIetgAgtgAmtgAYtgAstgAvsQAAAAAAAA==',
    'base64',
  ),
};
