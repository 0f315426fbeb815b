import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { findProgram } from '@img/sign/testing/needs';
import { runCommand } from './command.ts';

// crun refuses hosts with both versions of control groups whose newer one has controllers, as img knows.
const crun = `#!/bin/sh
[ -d /sys/fs/cgroup/unified ] || exec crun "$@"
exec unshare -m --propagation private sh -c \\
  'mount -t tmpfs img /sys/fs/cgroup/unified && exec crun "$@"' sh "$@"
`;

/** A bundle for a runtime alone, and a program that is crun on every host. */
export type BareBundle = { readonly folder: string; readonly crun: string };

/** Makes a bundle as the runtimes write it themselves, with busybox as the only file. */
export async function makeBareBundle(folder: string, args: readonly string[]): Promise<BareBundle> {
  await mkdir(`${folder}/rootfs/bin`, { recursive: true });
  await copyFile(findProgram('busybox') ?? '', `${folder}/rootfs/bin/busybox`);
  await runCommand({ line: ['runc', 'spec', '--bundle', folder] });
  const config = JSON.parse(await readFile(`${folder}/config.json`, 'utf8')) as { process: object };
  const program = { ...config.process, args, terminal: false, rlimits: [] };
  await writeFile(`${folder}/config.json`, JSON.stringify({ ...config, process: program }));
  await writeFile(`${folder}/crun`, crun, { mode: 0o755 });
  return { folder, crun: `${folder}/crun` };
}
