import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { makeFolder } from '@img/registry/storage/make-folder';
import { syncFolder, writeFileAtomic } from '@img/registry/storage/write-file-atomic';
import { sweepUnfinishedFiles, unfinishedFileName } from '@img/runtime/copy/unfinished-files';
import type { SignatureFiles } from '@img/sign/signature-files';
import { quote } from '@img/spec/quote';
import { CliError } from '../cli-error.ts';

/**
 * Writes signatures into a new folder, whole or not at all; what a killed command left beside it is removed.
 *
 * @param allowed who may sign, for ssh-keygen
 * @throws CliError FILE_EXISTS if there is anything in the folder already
 */
export async function writeSignatures(
  folder: string,
  signatures: readonly SignatureFiles[],
  allowed: string,
): Promise<void> {
  const path = resolve(folder);
  const temporary = join(dirname(path), unfinishedFileName());
  await makeFolder(dirname(path), 0o755);
  sweepUnfinishedFiles(Buffer.from(`${dirname(path)}/`), { hasFolders: true });
  await mkdir(temporary);
  try {
    for (const { name, payload, signature, sshSignature, publicKey } of signatures) {
      const file = join(temporary, name);
      await writeFileAtomic(`${file}.payload`, payload);
      await writeFileAtomic(`${file}.sig`, signature);
      if (sshSignature !== undefined) await writeFileAtomic(`${file}.sshsig`, sshSignature);
      if (publicKey !== undefined) await writeFileAtomic(`${file}.pub`, publicKey);
    }
    await writeFileAtomic(join(temporary, 'allowed_signers'), allowed);
    // Takes the place of an empty folder, and of nothing else.
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!['EEXIST', 'ENOTEMPTY', 'ENOTDIR'].includes(code)) throw error;
    throw new CliError('FILE_EXISTS', `${quote(folder)} is there already, and no empty folder`, {
      hint: 'give a new name: files are not mixed with those of before',
    });
  }
  await syncFolder(dirname(path));
}
