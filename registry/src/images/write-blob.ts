import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Descriptor } from '@img/spec/descriptor';
import { type Digest, Digester, digestAlgorithm } from '@img/spec/digest';
import { RegistryError } from '../registry-error.ts';
import { FileBlobAppender } from '../storage/file-blob-appender.ts';
import { makeFolder } from '../storage/make-folder.ts';
import type { ContentOptions, OpenBlob } from '../transfer/content.ts';
import type { BlobFiles } from './blob-files.ts';
import type { Lease } from './lease.ts';

// Less than this is sooner fetched again than kept.
const keptBytes = 1024 * 1024;
const pieceBytes = 1024 * 1024;

export type WriteBlobPlaces = {
  readonly blobs: BlobFiles;
  readonly lease: Lease;
  /** Where the beginnings of interrupted blobs wait for the next try. */
  readonly partials: string;
};

/**
 * Stores a blob: hashed while it is written, named only when it is complete, right and on the disk. What an
 * interrupted try brought is hashed again and continued.
 *
 * @throws RegistryError DIGEST_MISMATCH, SIZE_MISMATCH, and what the content throws
 */
export async function writeBlob(
  { blobs, lease, partials }: WriteBlobPlaces,
  descriptor: Descriptor,
  openBlob: OpenBlob,
  options: ContentOptions,
): Promise<void> {
  const path = join(lease.folder, `${fileName(descriptor.digest)}.partial`);
  const waiting = join(partials, fileName(descriptor.digest));
  // Whoever renames it has it: no two processes continue the same file.
  await rename(waiting, path).catch(() => undefined);
  try {
    await fill(path, descriptor, openBlob, options);
  } catch (error) {
    await keep(path, waiting, partials, error);
    throw error;
  }
  await blobs.adopt(descriptor.digest, path);
}

/** The name that a partial blob has among others. */
export function fileName(digest: Digest): string {
  return digest.replace(':', '-');
}

async function fill(
  path: string,
  descriptor: Descriptor,
  openBlob: OpenBlob,
  options: ContentOptions,
): Promise<void> {
  const handle = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o644);
  try {
    const beginning = await hashBeginning(handle, descriptor);
    try {
      await append(handle, beginning, descriptor, openBlob, options);
    } catch (error) {
      if (beginning.sizeBytes === 0 || !isMismatch(error)) throw error;
      // The beginning may be what is wrong.
      await handle.truncate(0);
      await append(handle, nothingYet(descriptor), descriptor, openBlob, options);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What a file holds of a blob. */
type Beginning = { readonly digester: Digester; readonly sizeBytes: number };

function nothingYet({ digest }: Descriptor): Beginning {
  return { digester: new Digester(digestAlgorithm(digest)), sizeBytes: 0 };
}

async function hashBeginning(handle: FileHandle, descriptor: Descriptor): Promise<Beginning> {
  const { digester } = nothingYet(descriptor);
  const { size } = await handle.stat();
  if (size >= descriptor.size) {
    // A complete file would not have been left behind, so this is something else.
    await handle.truncate(0);
    return { digester, sizeBytes: 0 };
  }
  const buffer = Buffer.allocUnsafe(pieceBytes);
  let position = 0;
  while (position < size) {
    const { bytesRead } = await handle.read(buffer, 0, pieceBytes, position);
    if (bytesRead === 0) break;
    digester.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
  return { digester, sizeBytes: position };
}

async function append(
  handle: FileHandle,
  { digester, sizeBytes }: Beginning,
  { digest, size }: Descriptor,
  openBlob: OpenBlob,
  options: ContentOptions,
): Promise<void> {
  const appender = new FileBlobAppender(handle, sizeBytes);
  let position = sizeBytes;
  try {
    for await (const chunk of openBlob(sizeBytes, options)) {
      position += chunk.byteLength;
      if (position > size) break;
      digester.update(chunk);
      await appender.write(chunk);
    }
  } finally {
    // Also what came before an interruption is written, so that the next try need not fetch it.
    await appender.save();
  }
  if (position !== size) {
    const found = position > size ? 'more than' : `${position} instead of`;
    throw new RegistryError('SIZE_MISMATCH', `blob ${digest} has ${found} its ${size} bytes`);
  }
  const found = digester.digest();
  if (found !== digest) {
    throw new RegistryError('DIGEST_MISMATCH', `blob ${digest} has the digest ${found}`);
  }
}

function isMismatch(error: unknown): boolean {
  return (
    error instanceof RegistryError && (error.code === 'DIGEST_MISMATCH' || error.code === 'SIZE_MISMATCH')
  );
}

/** Leaves the beginning of an interrupted blob to the next try; what is wrong or tiny is removed. */
async function keep(path: string, waiting: string, partials: string, error: unknown): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found !== undefined && found.size >= keptBytes && !isMismatch(error)) {
    await makeFolder(partials);
    await rename(path, waiting);
  } else {
    await rm(path, { force: true });
  }
}
