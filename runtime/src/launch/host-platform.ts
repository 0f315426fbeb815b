import { formatPlatform, type Platform, platformScore } from '@img/spec/platform';
import { RuntimeError } from '../runtime-error.ts';

const architectures: { readonly [nodeName: string]: string } = {
  x64: 'amd64',
  arm64: 'arm64',
  arm: 'arm',
  ia32: '386',
  ppc64: 'ppc64le',
  riscv64: 'riscv64',
  s390x: 's390x',
  loong64: 'loong64',
};

/** What this host runs, in Go's words. */
export function hostPlatform(): Platform {
  return { os: process.platform, architecture: architectures[process.arch] ?? process.arch };
}

/** @throws RuntimeError PLATFORM_MISMATCH */
export function checkPlatform(image: Platform, host: Platform): void {
  if (platformScore(image, host) !== undefined) return;
  throw new RuntimeError(
    'PLATFORM_MISMATCH',
    `the image is built for ${formatPlatform(image)}, this host is ${formatPlatform(host)}`,
  );
}
