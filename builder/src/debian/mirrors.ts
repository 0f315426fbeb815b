import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import type { AptSource } from './apt-sources.ts';
import type { SuiteChoice } from './system.ts';

const debianMirror = 'http://ftp.debian.org/debian';
const debianSecurityMirror = 'http://security.debian.org/debian-security';

// Ubuntu's archive is in two halves: what most machines are, and all other processors.
const ubuntuMirror = 'http://archive.ubuntu.com/ubuntu';
const ubuntuSecurityMirror = 'http://security.ubuntu.com/ubuntu';
const ubuntuPortsMirror = 'http://ports.ubuntu.com/ubuntu-ports';
const ubuntuMainArchitectures: readonly string[] = ['amd64', 'i386'];

// Other archives have names like bookworm-pgdg. Those that use Debian's own are found out by their signature.
const debianSuite =
  /^(?:(?:old){0,2}stable|testing|unstable|sid|buster|bullseye|bookworm|trixie|forky|duke)(?:-updates|-security|-backports|-proposed-updates|\/updates)?$/;
const ubuntuSuite =
  /^(?:focal|jammy|noble|oracular|plucky|questing|resolute)(?:-updates|-security|-backports|-proposed)?$/;

/** A place where a suite may be. */
export type Mirror = {
  readonly root: string;
  /** The machine's administrator said that its indexes may be old. */
  readonly allowsExpired: boolean;
};

/** What decides about mirrors besides the suite. */
export type MirrorChoice = {
  /** From the img.yaml: it alone counts. */
  readonly mirror: string | undefined;
  /** From the configuration, for Debian only. */
  readonly debianMirror?: string | undefined;
  /** The machine's own. */
  readonly sources: readonly AptSource[];
  /** What the packages are for, or `all`. */
  readonly architecture: string;
};

/**
 * Where to look for a suite, best first: what img.yaml or the configuration names, else the machine's apt sources,
 * else the distribution's own servers. A mirror carries every suite, so that a machine with bookworm in its sources
 * builds trixie from the same mirror; whether it is the suite that was asked for, its signature tells.
 *
 * Debian's security archive is looked for in the machine's sources, beside the mirror and on Debian's own server.
 *
 * @throws BuilderError SYSTEM_UNKNOWN if an address isn't one of http or https
 */
export function mirrorsOf(choice: SuiteChoice, options: MirrorChoice): readonly Mirror[] {
  if (choice.mirrors.length > 0) return unique(choice.mirrors.map(named));
  if (choice.archive === 'ubuntu') return unique(ubuntuMirrors(choice.suite, options));
  const { sources, mirror = options.debianMirror } = options;
  const main = mirror === undefined ? mainMirrors(choice.suite, sources) : [named(mirror)];
  if (choice.archive !== 'debian-security') return unique(main);
  const beside = main.flatMap(({ root, allowsExpired }) =>
    root.endsWith('/debian') ? [{ root: `${root}-security`, allowsExpired }] : [],
  );
  const own = bySuite(choice.suite, sources.filter(isSecurity));
  const official = named(debianSecurityMirror);
  return unique(mirror === undefined ? [...own, ...beside, official] : [...beside, ...own, official]);
}

function mainMirrors(suite: string, sources: readonly AptSource[]): readonly Mirror[] {
  const own = bySuite(
    suite,
    sources.filter((source) => isDebian(source) && !isSecurity(source)),
  );
  return own.length > 0 ? own : [named(debianMirror)];
}

/** Ubuntu's security fixes are in a suite of the same archive; its own server has them first. */
function ubuntuMirrors(suite: string, { mirror, sources, architecture }: MirrorChoice): readonly Mirror[] {
  if (mirror !== undefined) return [named(mirror)];
  const own = bySuite(suite, sources.filter(isUbuntu));
  if (architecture !== 'all' && !ubuntuMainArchitectures.includes(architecture)) {
    return [...own.filter(({ root }) => root.endsWith('-ports')), named(ubuntuPortsMirror)];
  }
  const official = suite.endsWith('-security') ? [ubuntuSecurityMirror, ubuntuMirror] : [ubuntuMirror];
  const others = own.filter(({ root }) => !root.endsWith('-ports'));
  return others.length > 0 ? others : official.map(named);
}

/** Those that name the suite before those that may have it. */
function bySuite(suite: string, sources: readonly AptSource[]): readonly Mirror[] {
  const exact = sources.filter((source) => source.suite === suite);
  const others = sources.filter((source) => source.suite !== suite);
  return [...exact, ...others].map(({ uri, allowsExpired }) => ({ ...named(uri), allowsExpired }));
}

function isDebian({ suite, components }: AptSource): boolean {
  return debianSuite.test(suite) && components.includes('main');
}

function isUbuntu({ suite, components }: AptSource): boolean {
  return ubuntuSuite.test(suite) && components.includes('main');
}

function isSecurity(source: AptSource): boolean {
  return isDebian(source) && /(?:-security|\/updates)$/.test(source.suite);
}

function named(address: string): Mirror {
  const url = URL.parse(address);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.search !== '') {
    throw new BuilderError(
      'SYSTEM_UNKNOWN',
      `the mirror ${quote(address)} should be an address that begins with http:// or https://`,
    );
  }
  return { root: address.replace(/\/+$/, ''), allowsExpired: false };
}

function unique(mirrors: readonly Mirror[]): readonly Mirror[] {
  const byRoot = new Map<string, Mirror>();
  for (const mirror of mirrors) if (!byRoot.has(mirror.root)) byRoot.set(mirror.root, mirror);
  return [...byRoot.values()];
}
