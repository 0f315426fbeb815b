import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseControl, wordsOf } from './control.ts';

/** A line of the machine's apt sources, or one of the combinations that a paragraph stands for. */
export type AptSource = {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
  /** The administrator wants a mirror to be used that is frozen, see {@link readAptSources}. */
  readonly allowsExpired: boolean;
};

/**
 * Reads where this machine's apt takes binary packages from (sources.list(5)): `sources.list`, then the `.list`
 * and `.sources` files in `sources.list.d` by name. Which keys apt trusts is left out, since `img` has its own.
 * Whatever can't be understood is left out too: it belongs to apt, and the first use of what is left shows
 * whether it works.
 *
 * Where the administrator has told apt not to look at Valid-Until, for a source or in apt.conf(5) for all of them,
 * the sources say so.
 *
 * @param folder usually `/etc/apt`
 */
export async function readAptSources(folder: string): Promise<readonly AptSource[]> {
  const parts = join(folder, 'sources.list.d');
  const names = (await readdir(parts).catch(() => [])).sort();
  const files = [join(folder, 'sources.list'), ...names.map((name) => join(parts, name))];
  const allowsExpired = await ignoresValidUntil(folder);
  const sources: AptSource[] = [];
  for (const file of files) {
    const parse = file.endsWith('.sources') ? parseSources : file.endsWith('.list') ? parseList : undefined;
    // A folder, a file of root's or one that vanished gives no source.
    const text = parse === undefined ? undefined : await readFile(file, 'utf8').catch(() => undefined);
    if (parse === undefined || text === undefined) continue;
    for (const source of parse(text)) sources.push(...(await expand(source)));
  }
  return allowsExpired ? sources.map((source) => ({ ...source, allowsExpired })) : sources;
}

/** Whether the last word about `Acquire::Check-Valid-Until` in apt's configuration is no. */
async function ignoresValidUntil(folder: string): Promise<boolean> {
  const parts = join(folder, 'apt.conf.d');
  const names = (await readdir(parts).catch(() => []))
    .filter((name) => /^[\w-]+(?:\.conf)?$/.test(name))
    .sort();
  let word: string | undefined;
  for (const file of [...names.map((name) => join(parts, name)), join(folder, 'apt.conf')]) {
    const text = await readFile(file, 'utf8').catch(() => '');
    const settings = text.replace(/\/\*[\s\S]*?\*\/|^\s*(?:\/\/|#).*$/gm, '');
    // The option exists below Acquire only, so the blocks around it need not be understood.
    for (const [, found] of settings.matchAll(/\bCheck-Valid-Until\s+"?(\w+)"?\s*;/gi)) word = found;
  }
  return isNo(word);
}

/** The one-line format: `deb [option=value …] uri suite component …`. */
export function parseList(text: string): readonly AptSource[] {
  return text.split('\n').flatMap((line) => {
    const [, options = '', rest = ''] = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?([^#]*)/.exec(line) ?? [];
    const [uri, suite, ...components] = rest.split(/\s+/).filter((word) => word !== '');
    if (uri === undefined || suite === undefined) return [];
    return [{ uri, suite, components, allowsExpired: /\bcheck-valid-until=(?:no|false)\b/i.test(options) }];
  });
}

/** The format of deb822: `Types`, `URIs`, `Suites`, `Components`. */
export function parseSources(text: string): readonly AptSource[] {
  return stanzasOf(text).flatMap((stanza) => {
    if (!wordsOf(stanza.get('types')).includes('deb')) return [];
    if (isNo(stanza.get('enabled'))) return [];
    const components = wordsOf(stanza.get('components'));
    const allowsExpired = isNo(stanza.get('check-valid-until'));
    return wordsOf(stanza.get('uris')).flatMap((uri) =>
      wordsOf(stanza.get('suites')).map((suite) => ({ uri, suite, components, allowsExpired })),
    );
  });
}

function stanzasOf(text: string): ReturnType<typeof parseControl> {
  try {
    return parseControl(text, 'the apt sources', 'INDEX_INVALID');
  } catch {
    return [];
  }
}

function isNo(value: string | undefined): boolean {
  return value !== undefined && /^(?:no|false|without|off|disable|0)$/i.test(value);
}

/** Cloud images name a file with mirrors, one per line, in the place of a mirror. */
async function expand(source: AptSource): Promise<readonly AptSource[]> {
  if (/^https?:\/\//i.test(source.uri)) return [source];
  const [, path] = /^mirror\+file:(?:\/\/)?(\/.*)$/.exec(source.uri) ?? [];
  if (path === undefined) return [];
  const text = await readFile(path, 'utf8').catch(() => '');
  const uris = text.split('\n').map((line) => line.split(/[\s#]/, 1)[0] ?? '');
  return uris.filter((uri) => /^https?:\/\//i.test(uri)).map((uri) => ({ ...source, uri }));
}
