import { join } from 'node:path';
import { type Instance, newInstance } from '@img/cli/testing/run-img';
import { administrator, startTestRegistry } from '@img/cli/testing/test-registry';
import type { ExecutionContext } from 'ava';
import { withVariables } from './instance.ts';
import { type ShellApp, writeShellApp } from './shell-app.ts';

/** Everybody who has to do with an image, apart from each other and from the machine. */
export type Stage = {
  readonly folder: string;
  /** `127.0.0.1:PORT`; everybody may pull com.example.* there. */
  readonly registry: string;
  /** Has the key alice and is logged in to the registry. */
  readonly publisher: Instance;
  /** A machine with an empty store, no login, and a rule that Alice may sign com.example.*. */
  readonly host: Instance;
};

/** Sets a stage, all of it with the real commands; it is gone when the test ends. */
export async function setStage(t: ExecutionContext): Promise<Stage> {
  const base = await newInstance(t);
  const registry = await startTestRegistry(t, base);
  const publisher = withVariables(base, { IMG_REGISTRY: registry, IMG_KEY_PASSPHRASE: 'x' });
  const host = hostOf(base, registry);
  await done(publisher, ['login', '-u', administrator.name, '--password-stdin'], administrator.password);
  await done(publisher, ['key', 'new', 'alice']);
  await trustAlice(host);
  return { folder: base.folder, registry, publisher, host };
}

/** Another machine beside an instance, with a store, a configuration and log-ins of its own. */
export function hostOf(instance: Instance, registry: string, name = 'host'): Instance {
  const folder = join(instance.folder, name);
  return withVariables(instance, {
    IMG_REGISTRY: registry,
    IMG_CONFIG: join(folder, 'config'),
    IMG_ROOT: join(folder, 'root'),
    IMG_RUN: join(folder, 'run'),
    DOCKER_CONFIG: join(folder, 'docker'),
  });
}

/** Lets Alice sign com.example.* for a host; her key is in the publisher's folder. */
export async function trustAlice(host: Instance): Promise<void> {
  const key = join(host.folder, 'config/keys/alice.pub');
  await done(host, ['trust', 'add', key, '--name', 'Alice', '--prefix', 'com.example.']);
}

/**
 * Builds the shell app, signs it as Alice, and pushes it under its version and `latest`.
 *
 * @param buildOptions of `img build`
 */
export async function publish(
  { publisher, folder }: Stage,
  app: ShellApp = {},
  buildOptions: readonly string[] = [],
): Promise<void> {
  await writeShellApp(folder, app);
  await done(publisher, ['build', app.folder ?? 'app', ...buildOptions]);
  await done(publisher, ['sign', '--key', 'alice', 'com.example.app']);
  await done(publisher, ['push', 'com.example.app']);
}

/** Runs a command that must not fail, and gives what it printed. */
export async function done({ run }: Instance, words: readonly string[], input = ''): Promise<string> {
  const { code, stdout, stderr } = await run(words, { input });
  if (code !== 0) throw new Error(`img ${words.join(' ')} ended with ${code}:\n${stderr}`);
  return stdout;
}
