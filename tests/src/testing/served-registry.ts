import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type Instance, newInstance } from '@img/cli/testing/run-img';
import { administrator } from '@img/cli/testing/test-registry';
import type { ExecutionContext } from 'ava';
import { startImg, withVariables } from './instance.ts';
import { done, hostOf, type Stage, trustAlice } from './stage.ts';

/** `img serve` in a process of its own, which a test may kill. */
export type ServedRegistry = {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  readonly dataFolder: string;
  readonly logFile: string;
  readonly child: ChildProcess;
};

/**
 * Starts `img serve` and waits until it listens; everybody may pull com.example.* there.
 *
 * @param listen where; a free port of loopback unless given
 */
export async function serveRegistry(
  t: ExecutionContext,
  instance: Instance,
  listen = '127.0.0.1:0',
): Promise<ServedRegistry> {
  const dataFolder = join(instance.folder, 'registry');
  const logFile = join(instance.folder, 'registry.log');
  const words = ['--json', '--listen', listen, '--data', dataFolder, '--log', logFile];
  const serving = withVariables(instance, { IMG_ADMIN_PASSWORD: administrator.password });
  const { child, ended } = startImg(t, serving, ['serve', ...words, '--public', 'com.example.']);
  const [first] = (await Promise.race([once(child.stdout, 'data'), ended])) as [Buffer | undefined];
  if (first === undefined) throw new Error(`img serve ended: ${(await ended).stderr}`);
  const { host } = JSON.parse(String(first)) as { readonly host: string };
  return { host, dataFolder, logFile, child };
}

/** Starts a registry again, at the same address, as soon as it has ended. */
export async function serveAgain(
  t: ExecutionContext,
  instance: Instance,
  { child, host }: ServedRegistry,
): Promise<ServedRegistry> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return await serveRegistry(t, instance, host);
}

/**
 * As `setStage`, with a registry that is a process.
 *
 * @param prepare called with the registry's data folder before that is there
 */
export async function setServedStage(
  t: ExecutionContext,
  prepare?: (dataFolder: string) => void,
): Promise<Stage & { readonly base: Instance; readonly served: ServedRegistry }> {
  const base = await newInstance(t);
  prepare?.(join(base.folder, 'registry'));
  const served = await serveRegistry(t, base);
  const publisher = withVariables(base, { IMG_REGISTRY: served.host, IMG_KEY_PASSPHRASE: 'x' });
  const host = hostOf(base, served.host);
  await done(publisher, ['login', '-u', administrator.name, '--password-stdin'], administrator.password);
  await done(publisher, ['key', 'new', 'alice']);
  await trustAlice(host);
  return { folder: base.folder, registry: served.host, publisher, host, base, served };
}
