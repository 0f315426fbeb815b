import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type Instance, newInstance } from '@img/cli/testing/run-img';
import { administrator } from '@img/cli/testing/test-registry';
import type { ExecutionContext } from 'ava';
import { startImg, withVariables } from './instance.ts';
import { type PatientRelay, startPatientRelay } from './patient-relay.ts';
import { done, hostOf, type Stage, trustAlice } from './stage.ts';

/** `img serve` in a process of its own, which a test may kill. */
export type ServedRegistry = {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  readonly dataFolder: string;
  readonly logFile: string;
  readonly child: ChildProcess;
};

/** Starts `img serve` on a free port and waits until it listens; everybody may pull com.example.* there. */
export async function serveRegistry(t: ExecutionContext, instance: Instance): Promise<ServedRegistry> {
  const dataFolder = join(instance.folder, 'registry');
  const logFile = join(instance.folder, 'registry.log');
  const words = ['--json', '--listen', '127.0.0.1:0', '--data', dataFolder, '--log', logFile];
  const serving = withVariables(instance, { IMG_ADMIN_PASSWORD: administrator.password });
  const { child, ended } = startImg(t, serving, ['serve', ...words, '--public', 'com.example.']);
  const [first] = (await Promise.race([once(child.stdout, 'data'), ended])) as [Buffer | undefined];
  if (first === undefined) throw new Error(`img serve ended: ${(await ended).stderr}`);
  const { host } = JSON.parse(String(first)) as { readonly host: string };
  return { host, dataFolder, logFile, child };
}

/** `img serve` behind an address that stays when it is started again. */
export type ServedStage = Stage & {
  readonly base: Instance;
  readonly served: ServedRegistry;
  readonly relay: PatientRelay;
};

/** Starts a registry again, at the same address for its clients, as soon as it has ended. */
export async function serveAgain(t: ExecutionContext, { base, served, relay }: ServedStage): Promise<void> {
  const { child } = served;
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  relay.leadTo((await serveRegistry(t, base)).host);
}

/**
 * As `setStage`, with a registry that is a process.
 *
 * @param prepare called with the registry's data folder before that is there
 */
export async function setServedStage(
  t: ExecutionContext,
  prepare?: (dataFolder: string) => void,
): Promise<ServedStage> {
  const base = await newInstance(t);
  prepare?.(join(base.folder, 'registry'));
  const served = await serveRegistry(t, base);
  const relay = await startPatientRelay(t, served.host);
  const publisher = withVariables(base, { IMG_REGISTRY: relay.host, IMG_KEY_PASSPHRASE: 'x' });
  const host = hostOf(base, relay.host);
  await done(publisher, ['login', '-u', administrator.name, '--password-stdin'], administrator.password);
  await done(publisher, ['key', 'new', 'alice']);
  await trustAlice(host);
  return { folder: base.folder, registry: relay.host, publisher, host, base, served, relay };
}
