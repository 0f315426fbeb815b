import { quote } from '@img/spec/quote';
import { BuilderError, type BuilderErrorCode } from '../builder-error.ts';

/** One paragraph of a control file; names are in lower case, since they are case-insensitive. */
export type Stanza = ReadonlyMap<string, string>;

/**
 * Parses a file in the format of deb822(5): paragraphs of `Name: value`, continued by lines that begin with a
 * space. Lines that begin with `#` are comments. Continuation lines keep their line breaks, without the indent.
 *
 * @param what how a message names the file
 * @throws BuilderError with the given code
 */
export function parseControl(text: string, what: string, code: BuilderErrorCode): readonly Stanza[] {
  const stanzas: Map<string, string>[] = [];
  let stanza: Map<string, string> | undefined;
  let lastName: string | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    if (line.startsWith('#')) continue;
    if (line.trim() === '') {
      stanza = undefined;
      lastName = undefined;
      continue;
    }
    if (line.startsWith(' ') || line.startsWith('\t')) {
      if (stanza === undefined || lastName === undefined) throw malformed(line, index, what, code);
      stanza.set(lastName, `${stanza.get(lastName)}\n${line.trim()}`);
      continue;
    }
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    if (!/^[!-9;-~]+$/.test(name)) throw malformed(line, index, what, code);
    if (stanza === undefined) {
      stanza = new Map();
      stanzas.push(stanza);
    }
    if (stanza.has(name)) throw malformed(line, index, what, code);
    stanza.set(name, line.slice(colon + 1).trim());
    lastName = name;
  }
  return stanzas;
}

function malformed(line: string, index: number, what: string, code: BuilderErrorCode): BuilderError {
  return new BuilderError(
    code,
    `${what}: line ${index + 1}, ${quote(line)}, is not a field of a control file`,
  );
}

/** The words of a field, which are separated by spaces, commas or line breaks. */
export function wordsOf(value: string | undefined): readonly string[] {
  return value === undefined ? [] : value.split(/[\s,]+/).filter((word) => word !== '');
}
