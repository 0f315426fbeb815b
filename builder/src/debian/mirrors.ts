import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import type { AptSource } from './apt-sources.ts';
import type { SuiteChoice } from './system.ts';

const officialMirror = 'http://ftp.debian.org/debian';
const officialSecurityMirror = 'http://security.debian.org/debian-security';

// Other archives have names like bookworm-pgdg. Those that use Debian's own are found out by their signature.
const debianSuite =
  /^(?:(?:old){0,2}stable|testing|unstable|sid|buster|bullseye|bookworm|trixie|forky|duke)(?:-updates|-security|-backports|-proposed-updates|\/updates)?$/;

/** A place where a suite may be. */
export type Mirror = {
  readonly root: string;
  /** The machine's administrator said that its indexes may be old. */
  readonly allowsExpired: boolean;
};

/**
 * Where to look for a suite, best first: what img.yaml or the configuration names, else the machine's apt sources,
 * else Debian's own servers. A mirror of Debian carries every suite, so that a machine with bookworm in its sources
 * builds trixie from the same mirror; whether it is the suite that was asked for, its signature tells.
 *
 * The security archive is looked for in the machine's sources, beside the mirror and on Debian's own server.
 *
 * @throws BuilderError SYSTEM_UNKNOWN if an address isn't one of http or https
 */
export function mirrorsOf(
  choice: SuiteChoice,
  { mirror, sources }: { readonly mirror: string | undefined; readonly sources: readonly AptSource[] },
): readonly Mirror[] {
  if (choice.mirrors.length > 0) return unique(choice.mirrors.map(named));
  const main = mirror === undefined ? mainMirrors(choice.suite, sources) : [named(mirror)];
  if (choice.archive !== 'debian-security') return unique(main);
  const beside = main.flatMap(({ root, allowsExpired }) =>
    root.endsWith('/debian') ? [{ root: `${root}-security`, allowsExpired }] : [],
  );
  const own = bySuite(choice.suite, sources.filter(isSecurity));
  const official = named(officialSecurityMirror);
  return unique(mirror === undefined ? [...own, ...beside, official] : [...beside, ...own, official]);
}

function mainMirrors(suite: string, sources: readonly AptSource[]): readonly Mirror[] {
  const own = bySuite(
    suite,
    sources.filter((source) => isDebian(source) && !isSecurity(source)),
  );
  return own.length > 0 ? own : [named(officialMirror)];
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
