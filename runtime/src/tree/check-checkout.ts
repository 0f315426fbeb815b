import { createHash, type Hash } from 'node:crypto';
import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, openSync, readdirSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { CheckLayerOptions } from '../layers/check-layer.ts';
import type { Stamps } from '../layers/stamps.ts';
import { RuntimeError } from '../runtime-error.ts';
import { type ByteString, byteString } from '../tar/byte-string.ts';
import { CheckoutComparer, type CheckoutParts } from './compare-checkout.ts';
import { pathIn } from './make-checkout.ts';
import type { TreeFiles } from './tree-files.ts';

/**
 * Makes sure that a checkout is what the image says. Without a stamp of this boot every name, attribute and byte
 * is compared, also if asked to; with one, that no file was touched since.
 *
 * @throws RuntimeError TREE_MISSING, TREE_DAMAGED
 */
export async function checkCheckout(
  files: TreeFiles,
  parts: CheckoutParts,
  stamps: Stamps,
  { signal, isDeep = false }: CheckLayerOptions,
): Promise<void> {
  const folder = openFolder(files.checkoutPath);
  try {
    const listing = await listCheckout(folder, signal);
    if (!isDeep && stamps.has(files.checkoutStamp, { listing })) return;
    if (isDeep) stamps.remove(files.checkoutStamp);
    await new CheckoutComparer(files.checkoutPath, parts, signal).compare(folder);
    if ((await listCheckout(folder, signal)) !== listing) {
      throw new RuntimeError(
        'TREE_DAMAGED',
        `the tree ${files.checkoutPath} was changed while it was checked`,
      );
    }
    stamps.set(files.checkoutStamp, { listing });
  } finally {
    closeSync(folder);
  }
}

const folderFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

function openFolder(path: string): number {
  try {
    return openSync(path, folderFlags);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') {
      throw new RuntimeError('TREE_MISSING', `the image has no tree on this host: there is no ${path}`, {
        cause,
        hint: 'pull the image again',
      });
    }
    if (code !== 'ENOTDIR' && code !== 'ELOOP') throw cause;
    throw new RuntimeError('TREE_DAMAGED', `the tree ${path} is no folder`, { cause });
  }
}

/** A digest over all names of a checkout and what the kernel says of their files; any write changes it. */
async function listCheckout(top: number, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256');
  let listed = 0;
  const list = async (folder: number, path: string): Promise<void> => {
    for (const name of readNames(folder)) {
      listed += 1;
      if (listed % 1024 === 0) await setImmediate(undefined, { signal });
      const stats = lstatSync(pathIn(folder, name), { bigint: true });
      addToListing(hash, `${path}/${name}`, stats);
      if (!stats.isDirectory()) continue;
      const child = openSync(pathIn(folder, name), folderFlags);
      try {
        await list(child, `${path}/${name}`);
      } finally {
        closeSync(child);
      }
    }
  };
  addToListing(hash, '', fstatSync(top, { bigint: true }));
  await list(top, '');
  return hash.digest('hex');
}

// ctime changes with every write, with every change of an attribute, and can't be set.
function addToListing(hash: Hash, path: string, { dev, ino, size, ctimeNs, mtimeNs }: BigIntStats): void {
  hash.update(`${path}\0${dev} ${ino} ${size} ${ctimeNs} ${mtimeNs}\0`, 'latin1');
}

function readNames(folder: number): readonly ByteString[] {
  return readdirSync(`/proc/self/fd/${folder}`, { encoding: 'buffer' }).map(byteString).sort();
}
