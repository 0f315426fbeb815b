import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findProgram, needsRoot, needsTool } from '@img/sign/testing/needs';
import type { ExecutionContext } from 'ava';
import { type Instance, newInstance } from './run-img.ts';

/** The image of {@link containerHost}: a shell that runs its first word. */
export const shellImage = 'com.example.app';

/** How a container of it is started. */
export const startWords = ['run', '--quiet', '--pull', 'never', '--insecure', 'signature', '--detach'];

/** What says that it is up, and ends with 5 when it is told to end. */
export const untilTerm =
  'trap "echo bye; exit 5" TERM; echo up; echo problem >&2; while :; do /bin/busybox sleep 0.1; done';

/** A host with one image of its own, which has a shell, and no container left at the end. */
export async function containerHost(t: ExecutionContext): Promise<Instance> {
  const instance = await newInstance(t);
  const { folder, run } = instance;
  t.teardown(async () => {
    const { stdout } = await run(['ps', '--all', '--json']);
    const ids = (JSON.parse(stdout) as { id: string }[]).map(({ id }) => id);
    if (ids.length > 0) await run(['rm', '--force', ...ids]);
  });
  await mkdir(join(folder, 'app'));
  await copyFile(findProgram('busybox') ?? '', join(folder, 'app/busybox'));
  await writeFile(
    join(folder, 'app/img.yaml'),
    `name: ${shellImage}\nversion: 1.0.0\nos: scratch\nfiles: [{from: busybox, to: /bin/busybox, mode: "0755"}]\n` +
      'run: {entrypoint: [/bin/busybox, sh, -c], cmd: [echo hello]}\n',
  );
  t.is((await run(['build', 'app'])).code, 0);
  return instance;
}

/** Resolves when the app of a container has said that it is {@link untilTerm}: before, it may not heed any signal. */
export async function untilUp({ run }: Pick<Instance, 'run'>, container: string): Promise<void> {
  for (;;) {
    const { code, stdout, stderr } = await run(['logs', container]);
    if (code !== 0) throw new Error(stderr);
    if (stdout === 'up\n') return;
    await delay(20);
  }
}

/** Whether this machine can run containers. */
export function canRunContainers(t: ExecutionContext): boolean {
  const hasRuntime = findProgram('crun') !== undefined || needsTool(t, 'runc');
  return needsRoot(t) && needsTool(t, 'busybox') && needsTool(t, 'conmon') && hasRuntime;
}
