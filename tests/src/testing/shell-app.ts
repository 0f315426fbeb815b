import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findProgram, needsRoot, needsTool } from '@img/sign/testing/needs';
import type { ExecutionContext } from 'ava';

export type ShellApp = {
  /** Of the app's folder, below the instance's; `app` unless given. */
  readonly folder?: string;
  readonly version?: string;
  /** What it prints when it is run; `hello` unless given. */
  readonly says?: string;
  /** Further files of the image, by path without a leading slash. */
  readonly files?: { readonly [path: string]: string | Uint8Array };
};

/**
 * Writes the folder of an image `com.example.app` with a static busybox and nothing else, so that it is built in a
 * moment and without a network, and runs shell scripts: `img run com.example.app sh -c '…'`.
 */
export async function writeShellApp(instanceFolder: string, app: ShellApp = {}): Promise<void> {
  const { folder = 'app', version = '1.0.0', says = 'hello', files = {} } = app;
  const path = join(instanceFolder, folder);
  await mkdir(path, { recursive: true });
  await copyFile(findProgram('busybox') ?? '', join(path, 'busybox'));
  const copied = Object.entries(files).map(([to, content], index) => ({
    from: `file-${index}`,
    to,
    content,
  }));
  for (const { from, content } of copied) await writeFile(join(path, from), content);
  const list = [{ from: 'busybox', to: 'bin/busybox' }, ...copied].map(
    ({ from, to }) => `  - {from: ${from}, to: ${JSON.stringify(`/${to}`)}, mode: "0755"}\n`,
  );
  await writeFile(
    join(path, 'img.yaml'),
    `name: com.example.app\nversion: ${version}\nos: scratch\nfiles:\n${list.join('')}` +
      `run: {entrypoint: [/bin/busybox], cmd: [echo, ${JSON.stringify(says)}]}\n`,
  );
}

/** Whether this machine can build and run the shell app; as the other needs. */
export function canRunShellApp(t: ExecutionContext): boolean {
  return (
    needsRoot(t) && needsTool(t, 'busybox') && (findProgram('crun') !== undefined || needsTool(t, 'runc'))
  );
}
