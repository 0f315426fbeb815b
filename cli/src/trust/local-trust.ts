import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@img/registry/storage/make-folder';
import { writeFileAtomic } from '@img/registry/storage/write-file-atomic';
import { tryLock } from '@img/runtime/linux/file-lock';
import { readTrustFiles } from '@img/runtime/trust/trust-files';
import {
  emptyTrustDocument,
  encodeTrustDocument,
  parseTrustDocument,
  type TrustDocument,
} from '@img/sign/trust-document';
import { mergeTrustDocuments, type TrustPolicy } from '@img/sign/trust-policy';
import { quote } from '@img/spec/quote';
import { CliError } from '../cli-error.ts';
import { readSmallFile } from '../read-small-file.ts';

const fileName = 'local.json';
const maxBytes = 1024 * 1024;

/** A file of trust as it is to be from now on. */
export type NewTrustFile = { readonly name: string; readonly bytes: Uint8Array };

/**
 * Changes the trust document that `img trust` keeps in the folder of the highest rank, if the host's documents
 * together still make sense afterwards; other documents are the work of others and stay as they are.
 *
 * @param folders of trust documents, of ascending rank
 * @returns the policy of all documents with the change
 * @throws CliError BUSY, CONFIG_INVALID; SignError POLICY_CONFLICT, POLICY_INVALID; RuntimeError TRUST_POLICY_INVALID
 */
export async function changeLocalTrust(
  folders: readonly string[],
  change: (document: TrustDocument) => TrustDocument,
): Promise<TrustPolicy> {
  return await changeTrustFile(folders, async () => {
    return { name: fileName, bytes: encodeTrustDocument(change(await readLocalTrust(folders))) };
  });
}

/**
 * Writes a file into the folder of the highest rank, if the host's documents together make sense with it.
 *
 * @param make what to write; nobody else changes the trust meanwhile
 * @returns the policy of all documents with the change
 * @throws as {@link changeLocalTrust}, and what `make` throws
 */
export async function changeTrustFile(
  folders: readonly string[],
  make: () => Promise<NewTrustFile>,
): Promise<TrustPolicy> {
  const folder = localTrustFolder(folders);
  await makeFolder(folder, 0o755);
  // The lock is on the folder, because the file is replaced.
  const lock = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    if (!tryLock(lock.fd)) {
      throw new CliError('BUSY', `another command is changing the trust in ${quote(folder)}`, {
        hint: 'run the command again',
      });
    }
    const file = await make();
    const path = join(folder, file.name);
    const policy = mergeTrustDocuments(await readTrustFiles(folders, { ...file, path }));
    await writeFileAtomic(path, file.bytes, { mode: 0o644 });
    return policy;
  } finally {
    await lock.close();
  }
}

/** The document that `img trust` keeps; empty if there is none yet. */
export async function readLocalTrust(folders: readonly string[]): Promise<TrustDocument> {
  const path = localTrustFile(folders);
  const bytes = await readSmallFile(path, { maxBytes });
  return bytes === undefined || bytes.byteLength === 0 ? emptyTrustDocument : parseTrustDocument(bytes);
}

export function localTrustFile(folders: readonly string[]): string {
  return join(localTrustFolder(folders), fileName);
}

/** The folder that commands write to. @throws CliError CONFIG_INVALID */
export function localTrustFolder(folders: readonly string[]): string {
  const folder = folders.at(-1);
  if (folder !== undefined) return folder;
  throw new CliError('CONFIG_INVALID', 'no folder of trust documents is configured', {
    hint: 'name one as trust: in config.yaml, or in IMG_TRUST',
  });
}
