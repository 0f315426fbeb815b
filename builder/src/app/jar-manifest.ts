import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';

/** Attributes of the main section of a jar's manifest, in their order, by names as written. */
export type JarManifest = ReadonlyMap<string, string>;

const maxLineBytes = 72;

/**
 * Parses META-INF/MANIFEST.MF (JAR file specification, "JAR Manifest").
 *
 * @param name how messages name the jar
 * @throws BuilderError APP_INVALID
 */
export function parseJarManifest(bytes: Uint8Array, name: string): JarManifest {
  const attributes = new Map<string, string>();
  let last: string | undefined;
  for (const line of new TextDecoder().decode(bytes).split(/\r\n|\n|\r/)) {
    // What follows describes single members.
    if (line === '') break;
    if (line.startsWith(' ') && last !== undefined) {
      attributes.set(last, `${attributes.get(last)}${line.slice(1)}`);
      continue;
    }
    const [, key, value = ''] = /^([A-Za-z0-9][\w-]*): (.*)$/.exec(line) ?? [];
    if (key === undefined) {
      throw new BuilderError('APP_INVALID', `the manifest of ${quote(name)} has the line ${quote(line)}`);
    }
    attributes.set(key, value);
    last = key;
  }
  return attributes;
}

/** The text of a manifest; lines are folded where the specification wants it. */
export function encodeJarManifest(attributes: JarManifest): string {
  const version: [string, string] = ['Manifest-Version', attributes.get('Manifest-Version') ?? '1.0'];
  const others = [...attributes].filter(([key]) => key !== version[0]);
  return `${[version, ...others].map(([key, value]) => folded(`${key}: ${value}`)).join('')}\r\n`;
}

/** Lines of at most 72 bytes without their end; further ones begin with a space. */
function folded(line: string): string {
  let result = '';
  let width = 0;
  for (const character of line) {
    const bytes = Buffer.byteLength(character);
    if (width + bytes > maxLineBytes) {
      result += '\r\n ';
      width = 1;
    }
    result += character;
    width += bytes;
  }
  return `${result}\r\n`;
}
