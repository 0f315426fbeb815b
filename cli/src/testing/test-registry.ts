import { join } from 'node:path';
import { startRegistry } from '@img/registry/server/start-registry';
import { parseNamePrefix } from '@img/spec/name-prefix';
import type { ExecutionContext } from 'ava';
import type { Instance } from './run-img.ts';

/** Name and password of the administrator of every test registry. */
export const administrator = { name: 'admin', password: 'correct horse' };

/** Starts a registry that ends with the test; everybody may pull com.example.*. */
export async function startTestRegistry(t: ExecutionContext, { folder }: Instance): Promise<string> {
  const registry = await startRegistry({
    dataFolder: join(folder, 'registry'),
    administrator,
    anonymousPull: [parseNamePrefix('com.example.')],
  });
  t.teardown(() => registry.close());
  return registry.host;
}
