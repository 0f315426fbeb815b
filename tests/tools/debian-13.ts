import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { command } from './command.ts';
import type { Missing } from './missing.ts';
import { say } from './say.ts';

/** Names that the tests use, and the programs of the image. */
const programs: readonly (readonly [name: string, path: string])[] = [
  ['docker-registry', 'usr/bin/docker-registry'],
  ['fsck.erofs', 'usr/bin/fsck.erofs'],
  ['mkfs.erofs', 'usr/bin/mkfs.erofs'],
  ['skopeo-debian-13', 'usr/bin/skopeo'],
];

const recipe = join(import.meta.dirname, 'debian-13.yaml');
const img = join(import.meta.dirname, '../../cli/bin/img.js');

/** Has img build an image of programs, which umoci unpacks; they run with the libraries of that image. */
export async function installDebian13Programs(folder: string): Promise<readonly Missing[]> {
  const hash = createHash('sha256')
    .update(await readFile(recipe))
    .digest('hex')
    .slice(0, 12);
  const root = join(folder, `../debian-13-${hash}`);
  if (await isPresent(root)) say('programs of Debian 13 are there');
  else {
    say(`building an image of programs of Debian 13: img build ${recipe}`);
    const reason = await unpackImage(root);
    if (reason !== undefined) return programs.map(([name]) => ({ name, reason, isRequired: true }));
  }
  for (const [name, path] of programs) await writeWrapper(join(folder, name), root, path);
  return [];
}

async function isPresent(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

/** Returns why it failed. */
async function unpackImage(root: string): Promise<string | undefined> {
  await mkdir(join(root, '..'), { recursive: true });
  const work = await mkdtemp(`${root}-`);
  try {
    await copyFile(recipe, join(work, 'img.yaml'));
    const environment = {
      IMG_CONFIG: join(work, 'config'),
      IMG_ROOT: join(work, 'store'),
      IMG_RUN: join(work, 'run'),
      IMG_CACHE: join(work, 'cache'),
    };
    const layout = join(work, 'layout');
    // umoci reads no zstd.
    const commands: readonly (readonly [program: string, ...args: string[]])[] = [
      [process.execPath, img, 'build', '--compress', 'gzip', work],
      [process.execPath, img, 'copy', 'host:org.debian.tools:latest', `oci:${layout}:latest`],
      ['umoci', 'unpack', '--image', `${layout}:latest`, join(work, 'bundle')],
    ];
    for (const [program, ...args] of commands) {
      const result = await command(program, args, environment);
      if (!result.isDone) return `${[program, ...args].join(' ')}: ${result.reason}`;
    }
    await rename(join(work, 'bundle/rootfs'), root);
    return undefined;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function writeWrapper(file: string, root: string, path: string): Promise<void> {
  const entries = await readdir(join(root, 'usr/lib'));
  const libraries = join(root, 'usr/lib', entries.find((name) => name.endsWith('-linux-gnu')) ?? '');
  const loader = (await readdir(libraries)).find((name) => name.startsWith('ld-linux'));
  if (loader === undefined) throw new Error(`there is no loader of programs in ${libraries}`);
  const script = `#!/bin/sh\nexec '${libraries}/${loader}' --library-path '${libraries}' '${root}/${path}' "$@"\n`;
  await writeFile(file, script, { mode: 0o755 });
}
