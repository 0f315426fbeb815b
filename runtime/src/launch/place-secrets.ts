import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { quote } from '@img/spec/quote';
import type { RuntimeUser } from '@img/spec/runtime-config';
import { type Secret, secretsFolder } from '../config/secret.ts';
import type { BindMount } from '../config/storage.ts';
import { RuntimeError } from '../runtime-error.ts';

// As much as systemd lets a credential have.
const maxSecretBytes = 1024 * 1024;
const folderName = 'secrets';

/**
 * Copies secrets into the bundle, which is the current folder and in memory; nothing of them is in a variable, in the
 * config, or on a disk.
 *
 * @returns the mount that shows them to the app; none if there are none
 * @throws RuntimeError SECRET_INVALID
 */
export function placeSecrets(bundle: string, secrets: readonly Secret[]): readonly BindMount[] {
  if (secrets.length === 0) return [];
  mkdirSync(folderName);
  for (const { name, source } of secrets) {
    writeFileSync(join(folderName, name), readSecret(name, source), { mode: 0o400, flag: 'wx' });
  }
  const source = join(bundle, folderName);
  return [{ kind: 'bind', source, destination: secretsFolder, readOnly: true }];
}

/** Makes secrets readable for the user of the app, and for nobody else. */
export function ownSecrets(secrets: readonly Secret[], { uid, gid }: RuntimeUser): void {
  if (secrets.length > 0) chmodSync(folderName, 0o755);
  for (const { name } of secrets) chownSync(join(folderName, name), uid, gid);
}

function readSecret(name: string, source: string): Uint8Array {
  const refuse = (reason: string, cause?: unknown) =>
    new RuntimeError('SECRET_INVALID', `secret ${name} can't be read from ${quote(source)}: ${reason}`, {
      cause,
    });
  let file: number;
  try {
    // Without waiting, if it turns out to be a pipe.
    file = openSync(source, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw refuse(cause instanceof Error ? cause.message : 'it does not exist', cause);
  }
  try {
    if (!fstatSync(file).isFile()) throw refuse('it is no file');
    const bytes = Buffer.alloc(maxSecretBytes + 1);
    let length = 0;
    for (let got = -1; got !== 0 && length < bytes.length; length += got) {
      got = readSync(file, bytes, length, bytes.length - length, null);
    }
    if (length > maxSecretBytes) throw refuse(`it has more than ${maxSecretBytes} bytes`);
    return bytes.subarray(0, length);
  } finally {
    closeSync(file);
  }
}
