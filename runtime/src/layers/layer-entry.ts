import { RuntimeError } from '../runtime-error.ts';
import { type ByteString, emptyByteString, quoteBytes } from '../tar/byte-string.ts';
import type { TarEntry, TarEntryKind } from '../tar/tar-entry.ts';
import { checkPieces } from './content-pieces.ts';
import { entryAttributes } from './entry-attributes.ts';
import { entryPath, splitEntryPath } from './entry-path.ts';

/**
 * What a member of a layer's archive does to the tree below: it puts something there, it removes what lower
 * layers have at its path (`whiteout`), or it empties a folder of what lower layers have in it (`opaque`).
 */
export type LayerEntryKind = TarEntryKind | 'whiteout' | 'opaque';

/**
 * A member that has passed every check that needs no other member. Its path and, for a hard link, its target
 * are normalised: relative to the root of the image, empty for the root.
 */
export type LayerEntry = Omit<TarEntry, 'kind'> & { readonly kind: LayerEntryKind };

const whiteoutPrefix = '.wh.';
const opaqueName = '.wh..wh..opq';
// As Go's runtimes do it, which know times as nanoseconds in 64 bits: what is outside becomes 1970.
const latestSeconds = 9_223_372_036;

/**
 * Checks and normalises a member.
 *
 * @throws RuntimeError ENTRY_PATH_INVALID, ENTRY_LINK_INVALID, ENTRY_DEVICE_INVALID, ENTRY_WHITEOUT_INVALID,
 *   ENTRY_ATTRIBUTE_INVALID, ARCHIVE_UNSUPPORTED
 */
export function layerEntry(entry: TarEntry): LayerEntry {
  const path = entryPath(entry.path);
  const removed = whiteoutOf(path, entry.kind);
  if (removed !== undefined) return removed;
  if (path === '' && entry.kind !== 'directory') {
    throw new RuntimeError(
      'ENTRY_PATH_INVALID',
      `the archive has a ${entry.kind} where the root folder of the image is: ${quoteBytes(entry.path)}`,
    );
  }
  checkDevice(entry, path);
  checkPieces(entry, path);
  const isTimeInRange = entry.mtimeSeconds >= 0 && entry.mtimeSeconds < latestSeconds;
  return {
    ...entry,
    path,
    linkTarget: checkedTarget(entry, path),
    contentOffset: entry.kind === 'file' ? entry.contentOffset : 0,
    mtimeSeconds: isTimeInRange ? entry.mtimeSeconds : 0,
    mtimeNanoseconds: isTimeInRange ? entry.mtimeNanoseconds : 0,
    ...entryAttributes(entry, path),
  };
}

/** The entry for a whiteout of the image-spec (layer.md#whiteouts); undefined for other names. */
function whiteoutOf(path: ByteString, kind: TarEntryKind): LayerEntry | undefined {
  const [folder, name] = splitEntryPath(path);
  if (folder.split('/').some((component) => component.startsWith(whiteoutPrefix))) {
    throw invalidWhiteout(path, 'has something below a whiteout');
  }
  if (!name.startsWith(whiteoutPrefix)) return undefined;
  if (kind === 'directory') throw invalidWhiteout(path, 'has a folder as a whiteout');
  if (name === opaqueName) return removal('opaque', folder);
  const removed = name.slice(whiteoutPrefix.length);
  if (removed === '' || removed === '.' || removed === '..') {
    throw invalidWhiteout(path, 'has a whiteout of a folder that it is in');
  }
  // Names that begin with .wh..wh. were bookkeeping of AUFS; a layer that needs them can't be shown right.
  if (removed.startsWith(whiteoutPrefix)) throw invalidWhiteout(path, 'has a whiteout of a whiteout');
  return removal('whiteout', (folder === '' ? removed : `${folder}/${removed}`) as ByteString);
}

function removal(kind: 'whiteout' | 'opaque', path: ByteString): LayerEntry {
  return {
    kind,
    path,
    linkTarget: emptyByteString,
    mode: 0,
    uid: 0,
    gid: 0,
    mtimeSeconds: 0,
    mtimeNanoseconds: 0,
    size: 0,
    contentOffset: 0,
    sparse: undefined,
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: undefined,
  };
}

function checkedTarget({ kind, linkTarget }: TarEntry, path: ByteString): ByteString {
  if (kind !== 'symlink' && kind !== 'hardlink') return emptyByteString;
  if (linkTarget === '') {
    throw new RuntimeError(
      'ENTRY_LINK_INVALID',
      `the archive has the ${kind} ${quoteBytes(path)} to nothing`,
    );
  }
  // A symbolic link is text until something in the container follows it, with the container's own root.
  if (kind === 'symlink') return linkTarget;
  try {
    return entryPath(linkTarget);
  } catch (cause) {
    throw new RuntimeError(
      'ENTRY_LINK_INVALID',
      `the archive has the hard link ${quoteBytes(path)} to ${quoteBytes(linkTarget)}, which leads out of the image`,
      { cause, hint: 'do not use this image: such links have no use but to reach files of the host' },
    );
  }
}

function checkDevice({ kind, deviceMajor, deviceMinor }: TarEntry, path: ByteString): void {
  if (kind !== 'character-device' && kind !== 'block-device') return;
  const name = `${deviceMajor}:${deviceMinor} at ${quoteBytes(path)}`;
  if (deviceMajor < 0 || deviceMajor > 0xfff || deviceMinor < 0 || deviceMinor > 0xfffff) {
    throw new RuntimeError(
      'ENTRY_DEVICE_INVALID',
      `the archive has the device ${name}, which Linux can't have`,
    );
  }
  if (kind === 'character-device' && deviceMajor === 0 && deviceMinor === 0) {
    throw new RuntimeError(
      'ENTRY_DEVICE_INVALID',
      `the archive has the device ${name}, which overlayfs takes for the removal of a file`,
    );
  }
}

function invalidWhiteout(path: ByteString, problem: string): RuntimeError {
  return new RuntimeError('ENTRY_WHITEOUT_INVALID', `the archive ${problem}: ${quoteBytes(path)}`, {
    hint: 'names that begin with .wh. mark removed files in a layer (image-spec, layer.md#whiteouts)',
  });
}
