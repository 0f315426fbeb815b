import { closeSync, openSync, readSync } from 'node:fs';
import { formatPlatform, type Platform, platformScore } from '@img/spec/platform';
import { RuntimeError } from '../runtime-error.ts';
import { processorVariant } from './processor-variant.ts';

const cpuInfoBytes = 8 * 1024;

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

/** What images for this host are built for, in Go's words. */
export function hostPlatform(): Platform {
  return { os: process.platform, architecture: architectures[process.arch] ?? process.arch };
}

/** What this host runs: also images for a newer variant of its processor than all have. */
export function detailedHostPlatform(): Platform {
  const platform = hostPlatform();
  const variant = processorVariant(platform.architecture, readCpuInfo());
  return { ...platform, ...(variant === undefined ? {} : { variant }) };
}

/** The beginning, because the kernel asks every processor for what it says of it. */
function readCpuInfo(): string {
  try {
    const file = openSync('/proc/cpuinfo', 'r');
    try {
      const bytes = Buffer.alloc(cpuInfoBytes);
      return bytes.toString('latin1', 0, readSync(file, bytes));
    } finally {
      closeSync(file);
    }
  } catch {
    // Another system: what every processor has will do.
    return '';
  }
}

/** @throws RuntimeError PLATFORM_MISMATCH */
export function checkPlatform(image: Platform, host: Platform): void {
  if (platformScore(image, host) !== undefined) return;
  throw new RuntimeError(
    'PLATFORM_MISMATCH',
    `the image is built for ${formatPlatform(image)}, this host is ${formatPlatform(host)}`,
  );
}
