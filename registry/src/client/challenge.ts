/** How a server wants to be asked (RFC 9110 section 11.6.1). */
export type Challenge = {
  /** Lower case, for example `bearer`. */
  readonly scheme: string;
  /** Lower-case names; the first of equal names counts. */
  readonly parameters: ReadonlyMap<string, string>;
};

const maxCharacters = 8192;
const token = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const space = /[ \t]*/y;
const separators = /[ \t,]*/y;
// The quotes are part of the match; a backslash stands before what is meant literally.
const quoted = /"(?:[^"\\]|\\.)*"/y;
const unquoted = /[^ \t,]*/y;

/** Reads a WWW-Authenticate header; what is malformed ends the list, so the challenges before it count. */
export function parseChallenges(header: string): readonly Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  const text = header.slice(0, maxCharacters);
  let at = 0;
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const match = pattern.exec(text)?.[0] ?? '';
    at += match.length;
    return match;
  };
  for (;;) {
    take(separators);
    const name = take(token).toLowerCase();
    if (name === '') return challenges;
    const afterName = at;
    take(space);
    const current = challenges.at(-1);
    if (text[at] !== '=' || current === undefined) {
      // A word without "=" begins the next challenge.
      at = afterName;
      challenges.push({ scheme: name, parameters: new Map() });
      continue;
    }
    at += 1;
    take(space);
    const value = text[at] === '"' ? unquote(take(quoted)) : take(unquoted);
    if (value === undefined) return challenges;
    if (!current.parameters.has(name)) current.parameters.set(name, value);
  }
}

function unquote(text: string): string | undefined {
  return text === '' ? undefined : text.slice(1, -1).replace(/\\(.)/g, '$1');
}
