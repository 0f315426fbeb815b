import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { type ArchiveKey, parseArchiveKeys } from './archive-key.ts';
import { mainArchiveKeys, securityArchiveKeys, ubuntuArchiveKeys } from './pinned-keys.ts';

/**
 * What `os:` of an img.yaml stands for: the suites that packages are taken from. Made by `debianSystem` for the
 * names that are built in (`debian:13`, `ubuntu:24.04`) and by `customSystem` for an archive that the user describes.
 */
export type DebianSystem = {
  /** How messages name it, for example `debian:13`. */
  readonly name: string;
  /** Where people look up names of packages. */
  readonly website?: string;
  /** In order of preference among equal versions. All are required: one that can't be read is an error. */
  readonly suites: readonly SuiteChoice[];
};

/** One suite of a system: what is asked of an archive and whom its index must be signed by. */
export type SuiteChoice = {
  /** Folder below `dists/`, for example `trixie-security`; the Release file must have it as Codename or Suite. */
  readonly suite: string;
  readonly components: readonly string[];
  /** Debian has one of its own for security, Ubuntu has one for all; `custom` is the user's own. */
  readonly archive: 'debian' | 'debian-security' | 'ubuntu' | 'custom';
  /** Roots of the archive, the first that has the suite is used; empty where the machine's sources decide. */
  readonly mirrors: readonly string[];
  /** One valid signature by any of them is required. */
  readonly keys: readonly ArchiveKey[];
};

type Release = { readonly distribution: 'debian' | 'ubuntu'; readonly codename: string };

const bookworm: Release = { distribution: 'debian', codename: 'bookworm' };
const trixie: Release = { distribution: 'debian', codename: 'trixie' };
const jammy: Release = { distribution: 'ubuntu', codename: 'jammy' };
const noble: Release = { distribution: 'ubuntu', codename: 'noble' };

const releases: { readonly [name: string]: Release } = {
  'debian:12': bookworm,
  'debian:13': trixie,
  'ubuntu:22.04': jammy,
  'ubuntu:24.04': noble,
  'debian:bookworm': bookworm,
  'debian:trixie': trixie,
  'ubuntu:jammy': jammy,
  'ubuntu:noble': noble,
};

/** The names that {@link debianSystem} knows, for messages and completion. */
export const debianSystemNames: readonly string[] = Object.keys(releases).filter((name) => /\d$/.test(name));

/**
 * A release of Debian or Ubuntu by its name, with the suites that its users get: the release, its updates and its
 * security fixes, of the components that are free. Security fixes can't be missed silently, since a suite that can't
 * be read is an error.
 *
 * @throws BuilderError SYSTEM_UNKNOWN
 */
export async function debianSystem(name: string): Promise<DebianSystem> {
  const release = Object.hasOwn(releases, name) ? releases[name] : undefined;
  if (release === undefined) {
    throw new BuilderError('SYSTEM_UNKNOWN', `os ${quote(name)} is not one that img knows`, {
      hint: `use ${debianSystemNames.join(', ')}, or describe an archive with mirror, suites and keyring`,
    });
  }
  const { distribution, codename } = release;
  const suites = distribution === 'debian' ? await debianSuites(codename) : await ubuntuSuites(codename);
  return { name, website: `packages.${distribution === 'debian' ? 'debian.org' : 'ubuntu.com'}`, suites };
}

async function debianSuites(codename: string): Promise<readonly SuiteChoice[]> {
  const components = ['main'];
  const keys = await mainArchiveKeys(codename);
  const main = { components, archive: 'debian', mirrors: [], keys } as const;
  const security = { ...main, archive: 'debian-security', keys: await securityArchiveKeys() } as const;
  return [
    { suite: codename, ...main },
    { suite: `${codename}-updates`, ...main },
    { suite: `${codename}-security`, ...security },
  ];
}

async function ubuntuSuites(codename: string): Promise<readonly SuiteChoice[]> {
  const components = ['main', 'universe'];
  const keys = await ubuntuArchiveKeys();
  const names = [codename, `${codename}-updates`, `${codename}-security`];
  return names.map((suite) => ({ suite, components, archive: 'ubuntu', mirrors: [], keys }));
}

/** An archive as a user describes it. */
export type CustomSystem = {
  readonly mirror: string;
  readonly suites: readonly string[];
  /** `main` if absent. */
  readonly components?: readonly string[];
  /** A file of OpenPGP public keys, armored or binary. */
  readonly keyring: Uint8Array;
};

/**
 * A system of one archive that the user describes, trusted through the user's own keys.
 *
 * @throws BuilderError KEY_INVALID, SYSTEM_UNKNOWN
 */
export async function customSystem({
  mirror,
  suites,
  components = ['main'],
  keyring,
}: CustomSystem): Promise<DebianSystem> {
  for (const word of [...suites, ...components]) {
    const isName = word.split('/').every((part) => /^[A-Za-z0-9][\w.+~-]*$/.test(part));
    if (!isName)
      throw new BuilderError('SYSTEM_UNKNOWN', `${quote(word)} is not the name of a suite or component`);
  }
  if (suites.length === 0) throw new BuilderError('SYSTEM_UNKNOWN', 'an archive needs at least one suite');
  const keys = await parseArchiveKeys(keyring, 'the keyring');
  return {
    name: `${suites.join(', ')} of the custom archive`,
    suites: suites.map((suite) => ({ suite, components, archive: 'custom', mirrors: [mirror], keys })),
  };
}
