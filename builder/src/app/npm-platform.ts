import type { Platform } from '@img/spec/platform';
import type { ImageTree } from '../image/image-tree.ts';
import type { NpmPackage } from './npm-lock.ts';

/** What Node calls the processors that it calls otherwise. */
const processors: ReadonlyMap<string, string> = new Map([
  ['386', 'ia32'],
  ['amd64', 'x64'],
  ['ppc64le', 'ppc64'],
]);

/** Whether a package is made for a platform, as npm decides it from `os`, `cpu` and `libc`. */
export function runsOn(
  { os, cpu, libc }: Pick<NpmPackage, 'os' | 'cpu' | 'libc'>,
  platform: Platform,
  tree: ImageTree,
): boolean {
  const processor = processors.get(platform.architecture) ?? platform.architecture;
  return fits(os, platform.os) && fits(cpu, processor) && fits(libc, libcOf(tree));
}

/** The C library of an image. */
function libcOf(tree: ImageTree): 'glibc' | 'musl' {
  return tree.namesIn('lib').some((name) => name.startsWith('ld-musl-')) ? 'musl' : 'glibc';
}

/** A list names what fits, or with `!` what doesn't. */
function fits(list: readonly string[], value: string): boolean {
  if (list.includes(`!${value}`)) return false;
  const wanted = list.filter((item) => !item.startsWith('!'));
  return wanted.length === 0 || wanted.includes(value) || wanted.includes('any');
}
