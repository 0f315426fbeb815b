import type { Digest } from '@img/spec/digest';
import { partField } from '../deb/scanner-entries.ts';
import type { FoundPackage } from './inventory.ts';

type Facts = Pick<FoundPackage, 'type' | 'name' | 'version'> & Partial<FoundPackage>;

const npmPackage = /(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/]+\/package\.json$/;
const wheel = /(?:^|\/)[^/]+\.(?:dist-info\/METADATA|egg-info\/PKG-INFO)$/;
const dpkgEntry = /^var\/lib\/dpkg\/status\.d\/[^/]+(?<!\.md5sums)$/;

/** Whether a file says which packages are in an image. */
export function isPackageList(path: string): boolean {
  if (path === 'var/lib/dpkg/status' || path === 'lib/apk/db/installed') return true;
  return dpkgEntry.test(path) || wheel.test(path) || npmPackage.test(path);
}

/**
 * The packages that a file tells of; none if it can't be understood, since nothing that stands in an image may keep
 * anybody from looking into it.
 *
 * @param bytes undefined for a jar, whose name is all that is read
 */
export function findPackages(
  path: string,
  bytes: Buffer | undefined,
  layer: Digest,
): readonly FoundPackage[] {
  const common = { architecture: undefined, part: undefined, source: undefined, path, layer };
  return factsOf(path, bytes?.toString('utf8') ?? '').flatMap((facts) => {
    return facts.name === '' ? [] : [{ ...common, ...facts }];
  });
}

function factsOf(path: string, text: string): readonly Facts[] {
  if (path.endsWith('.jar')) return jar(path);
  if (path === 'lib/apk/db/installed') return text.split(/\n\n+/).flatMap(apk);
  if (path.startsWith('var/lib/dpkg/')) return text.split(/\n\n+/).flatMap(deb);
  if (npmPackage.test(path)) return npm(text);
  const [head = ''] = text.split(/\r?\n\r?\n/, 1);
  return [{ type: 'pypi', name: field(head, 'Name'), version: field(head, 'Version') }];
}

function deb(stanza: string): readonly Facts[] {
  const status = field(stanza, 'Status');
  // What was removed stays in the list with its configuration.
  if (status !== '' && !status.endsWith(' installed')) return [];
  const [, source, sourceVersion] = /^(\S+)(?:\s+\((\S+)\))?$/.exec(field(stanza, 'Source')) ?? [];
  const name = field(stanza, 'Package');
  const version = field(stanza, 'Version');
  return [
    {
      type: 'deb',
      name,
      version,
      architecture: field(stanza, 'Architecture') || undefined,
      part: field(stanza, partField) || undefined,
      source: `${source ?? name} ${sourceVersion ?? version}`,
    },
  ];
}

function apk(stanza: string): readonly Facts[] {
  const value = (key: string) => new RegExp(`^${key}:(.*)$`, 'm').exec(stanza)?.[1] ?? '';
  const source = value('o');
  return [
    {
      type: 'apk',
      name: value('P'),
      version: value('V'),
      architecture: value('A') || undefined,
      source: source === '' ? undefined : `${source} ${value('V')}`,
    },
  ];
}

function npm(text: string): readonly Facts[] {
  try {
    const { name, version } = JSON.parse(text) as { name?: unknown; version?: unknown };
    return [{ type: 'npm', name: String(name ?? ''), version: String(version ?? '') }];
  } catch {
    return [];
  }
}

/** Files of libraries are called NAME-VERSION.jar; nothing else is said of a jar without looking into it. */
function jar(path: string): readonly Facts[] {
  const [, name, version] = /([^/]+?)-(\d[^/]*)\.jar$/.exec(path) ?? [];
  return name === undefined || version === undefined ? [] : [{ type: 'jar', name, version }];
}

function field(stanza: string, name: string): string {
  return new RegExp(`^${name}: *(.*?)\\s*$`, 'mi').exec(stanza)?.[1] ?? '';
}
