import { normalizePlatform, type Platform } from '@img/spec/platform';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';

const byPlatform: { readonly [platform: string]: string } = {
  '386': 'i386',
  amd64: 'amd64',
  arm64: 'arm64',
  'arm/v5': 'armel',
  'arm/v6': 'armel',
  'arm/v7': 'armhf',
  mips64le: 'mips64el',
  ppc64le: 'ppc64el',
  riscv64: 'riscv64',
  s390x: 's390x',
};

/**
 * Debian's name for the processor of a platform.
 *
 * @throws BuilderError SYSTEM_UNKNOWN for a platform that Debian isn't built for
 */
export function debianArchitecture(platform: Platform): string {
  const { os, architecture, variant } = normalizePlatform(platform);
  // A newer variant runs what was built for the oldest, which is what Debian builds for amd64.
  const name = architecture === 'arm' ? `${architecture}/${variant ?? 'v7'}` : architecture;
  const found = Object.hasOwn(byPlatform, name) ? byPlatform[name] : undefined;
  if (os === 'linux' && found !== undefined) return found;
  throw new BuilderError('SYSTEM_UNKNOWN', `Debian is not built for the platform ${quote(`${os}/${name}`)}`);
}
