import { basename, dirname } from 'node:path';
import { compileGlob } from '../files/glob.ts';
import type { ElfFile } from './elf-file.ts';
import type { HostRoot } from './host-root.ts';

/** What is known of a processor by its `e_machine`: Debian's name of its libraries, and the value of $PLATFORM. */
type Machine = { readonly multiarch: string; readonly platform: string };

const machines: ReadonlyMap<number, Machine> = new Map([
  [3, { multiarch: 'i386-linux-gnu', platform: 'i686' }],
  [21, { multiarch: 'powerpc64le-linux-gnu', platform: 'power8' }],
  [22, { multiarch: 's390x-linux-gnu', platform: 'z900' }],
  [40, { multiarch: 'arm-linux-gnueabihf', platform: 'v7l' }],
  [62, { multiarch: 'x86_64-linux-gnu', platform: 'x86_64' }],
  [183, { multiarch: 'aarch64-linux-gnu', platform: 'aarch64' }],
  [243, { multiarch: 'riscv64-linux-gnu', platform: 'riscv64' }],
]);

/** Debian's name of the libraries for a processor; undefined for one that Debian doesn't have. */
export function multiarchOf(machine: number): string | undefined {
  return machines.get(machine)?.multiarch;
}

const maxConfBytes = 64 * 1024;
const maxConfDepth = 4;

/** Where the dynamic linker looks without being told (ld.so(8)); in this order. */
export function defaultFolders({
  bits,
  machine,
  interpreter,
}: Pick<ElfFile, 'bits' | 'machine' | 'interpreter'>): readonly string[] {
  if (interpreter !== undefined && basename(interpreter).startsWith('ld-musl-')) {
    return ['/lib', '/usr/local/lib', '/usr/lib'];
  }
  const multiarch = machines.get(machine)?.multiarch;
  const names = [
    ...(multiarch === undefined ? [] : [`lib/${multiarch}`]),
    ...(bits === 64 ? ['lib64'] : []),
    'lib',
  ];
  return names.flatMap((name) => [`/${name}`, `/usr/${name}`]);
}

/**
 * A folder of DT_RPATH or DT_RUNPATH with its variables replaced; several where their value depends on the system.
 *
 * @param origins the folders that `$ORIGIN` may stand for
 */
export function expandFolder(
  folder: string,
  { machine, bits }: ElfFile,
  origins: readonly string[],
): readonly string[] {
  const known = machines.get(machine);
  const libs = [
    ...(known === undefined ? [] : [`lib/${known.multiarch}`]),
    ...(bits === 64 ? ['lib64'] : []),
    'lib',
  ];
  const replaced = (text: string, name: string, values: readonly string[]): readonly string[] => {
    const pattern = new RegExp(`\\$(?:${name}(?![A-Za-z0-9_])|\\{${name}\\})`, 'g');
    return pattern.test(text) ? values.map((value) => text.replaceAll(pattern, () => value)) : [text];
  };
  return replaced(folder, 'ORIGIN', origins)
    .flatMap((text) => replaced(text, 'LIB', libs))
    .flatMap((text) => replaced(text, 'PLATFORM', known === undefined ? [] : [known.platform]))
    .filter((text) => text.startsWith('/'));
}

/** The folders that /etc/ld.so.conf names, with what it includes. */
export async function configuredFolders(
  root: HostRoot,
  path = '/etc/ld.so.conf',
  depth = 0,
): Promise<readonly string[]> {
  const found = await root.follow(path);
  const text = found === undefined ? undefined : await root.readSmall(found.path, maxConfBytes);
  if (text === undefined || depth > maxConfDepth) return [];
  const folders: string[] = [];
  for (const line of text.split('\n').map((each) => each.replace(/#.*/, '').trim())) {
    const [, pattern] = /^include\s+(\/\S+)$/.exec(line) ?? [];
    if (pattern === undefined) {
      if (line.startsWith('/')) folders.push(line.split(/[\s=]/, 1)[0] ?? line);
      continue;
    }
    const fits = compileGlob(basename(pattern));
    for (const name of await root.list(dirname(pattern))) {
      if (fits?.(name) === true)
        folders.push(...(await configuredFolders(root, `${dirname(pattern)}/${name}`, depth + 1)));
    }
  }
  return [...new Set(folders)];
}
