import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@img/registry/storage/make-folder';
import { tryLock } from '../linux/file-lock.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { ContainerName } from '../state/container-name.ts';

/**
 * Lets nobody else change an app until it is disposed of; the kernel gives the lock back if this process is killed.
 *
 * @param folder for locks, such as /run/img/apps
 * @throws RuntimeError APP_BUSY, without waiting
 */
export async function lockApp(folder: string, name: ContainerName): Promise<AsyncDisposable> {
  await makeFolder(folder);
  const file: FileHandle = await open(join(folder, `${name}.lock`), 'a', 0o600);
  if (tryLock(file.fd)) return { [Symbol.asyncDispose]: () => file.close() };
  await file.close();
  throw new RuntimeError('APP_BUSY', `another command is changing app ${name}`, {
    hint: 'an update takes as long as its stability window; try again later',
  });
}
