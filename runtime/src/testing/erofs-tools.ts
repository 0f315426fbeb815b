import { execFileSync } from 'node:child_process';
import { findProgram } from '@img/sign/testing/needs';
import type { ExecutionContext } from 'ava';

/**
 * Where `fsck.erofs` is, in a version that reads blocks of 512 bytes (erofs-utils 1.7; Debian 13 has 1.8);
 * undefined, said in the test's log, where there is none. The kernel's own mount is the other judge.
 */
export function fsckErofs(t: ExecutionContext): string | undefined {
  const path = findProgram('fsck.erofs');
  const version = path === undefined ? 'none' : execFileSync(path, ['-V'], { encoding: 'utf8' });
  const match = /(\d+)\.(\d+)/.exec(version);
  if (match !== null && Number(match[1]) * 1000 + Number(match[2]) >= 1007) return path;
  t.log(`not checked by fsck.erofs: needs erofs-utils 1.7, has ${match?.[0] ?? 'none'}`);
  return undefined;
}
