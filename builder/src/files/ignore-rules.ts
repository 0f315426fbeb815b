import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { compileGlob, type Glob } from './glob.ts';

/** Which files of a folder are left out of an image. */
export type IgnoreRules = {
  /** @param path relative to the folder of the img.yaml, `/` between the parts */
  ignores(path: string): boolean;
  /** Whether something below an ignored folder may be wanted all the same, so that it must be looked into. */
  readonly hasExceptions: boolean;
};

/** A pattern and whether it takes files back in. */
type Rule = { readonly fits: Glob; readonly isException: boolean };

/**
 * Left out unless an ignore file takes them back in: what version control keeps (it can hold secrets and differs
 * between equal checkouts) and what describes the build itself.
 */
const defaultPatterns: readonly string[] = [
  '**/.git',
  '**/.hg',
  '**/.svn',
  'img.yaml',
  'img.lock',
  '.imgignore',
  '.dockerignore',
];

/**
 * Parses an ignore file. The rules are those of a .dockerignore: one pattern a line, relative to the folder; a
 * folder that fits takes everything in it along; `!` takes back in; the last line that fits decides; lines that
 * begin with `#` are comments.
 *
 * @param file how messages name it
 * @param more patterns of the kind of app, before those of the file
 * @throws BuilderError RECIPE_INVALID with the line of a malformed pattern
 */
export function parseIgnoreRules(text: string, file: string, more: readonly string[] = []): IgnoreRules {
  const defaults = [...defaultPatterns, ...more].flatMap((pattern) => parseRule(pattern) ?? []);
  const written = text
    .replace(/^\ufeff/, '')
    .split('\n')
    .flatMap((line, index) => {
      const pattern = line.startsWith('#') ? '' : line.trim();
      if (pattern === '') return [];
      const rule = parseRule(pattern);
      if (rule !== undefined) return [rule];
      throw new BuilderError(
        'RECIPE_INVALID',
        `${file}:${index + 1}:1: malformed pattern ${quote(pattern)}`,
        {
          hint: 'patterns are as in a .dockerignore: *, ?, [a-z], ** and ! at the beginning',
        },
      );
    });
  const rules = [...defaults, ...written];
  return {
    ignores: (path) => isIgnored(rules, path),
    hasExceptions: rules.some(({ isException }) => isException),
  };
}

function parseRule(written: string): Rule | undefined {
  const isException = written.startsWith('!');
  const pattern = normalize(isException ? written.slice(1).trim() : written);
  if (isException && pattern === '.') return undefined;
  const fits = compileGlob(pattern);
  return fits === undefined ? undefined : { fits, isException };
}

/** As Go's filepath.Clean does it, and then without a slash at the beginning. */
function normalize(pattern: string): string {
  const parts: string[] = [];
  for (const part of pattern.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else parts.push(part);
  }
  return parts.join('/') || '.';
}

function isIgnored(rules: readonly Rule[], path: string): boolean {
  const prefixes = prefixesOf(path);
  let result = false;
  for (const { fits, isException } of rules) {
    // A rule that would change nothing need not be looked at.
    if (isException === result && prefixes.some(fits)) result = !isException;
  }
  return result;
}

/** The path and the folders that it is in. */
function prefixesOf(path: string): readonly string[] {
  const result: string[] = [];
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
    result.push(path.slice(0, slash));
  }
  return [...result, path];
}
