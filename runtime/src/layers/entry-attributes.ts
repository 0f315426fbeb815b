import { RuntimeError } from '../runtime-error.ts';
import { type ByteString, byteStringOf, quoteBytes } from '../tar/byte-string.ts';
import type { TarEntry } from '../tar/tar-entry.ts';
import { modeFromAcl, parseAcl } from './posix-acl.ts';

const accessAcl = byteStringOf('system.posix_acl_access');
const defaultAcl = byteStringOf('system.posix_acl_default');
const capability = byteStringOf('security.capability');

/**
 * The extended attributes and the mode as a Linux file system would hold them, so that a tree looks the same
 * however it is shown:
 *
 * - What no file system takes is dropped, as other runtimes drop it: other name spaces (such as
 *   `com.apple.provenance`), `user.` on anything but files and folders, capabilities on anything but files,
 *   access control lists on links and default ones on anything but folders.
 * - What steers overlayfs (`trusted.overlay.`, `user.overlay.`) is dropped: in a layer it could only be meant to
 *   reach what it must not.
 * - Symbolic links have the mode 0777.
 * - Access control lists set the permission bits, and one that says no more than they do is dropped.
 *
 * @throws RuntimeError ENTRY_ATTRIBUTE_INVALID for a capability or an access control list that the kernel would
 *   refuse
 */
export function entryAttributes(entry: TarEntry, path: ByteString): Pick<TarEntry, 'mode' | 'xattrs'> {
  let mode = entry.kind === 'symlink' ? 0o777 : entry.mode;
  if (entry.xattrs === undefined) return { mode, xattrs: undefined };
  const kept: [ByteString, Uint8Array][] = [];
  for (const [name, value] of [...entry.xattrs].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!isKept(name, entry.kind)) continue;
    try {
      if (name === capability) checkCapability(value);
      if (name === defaultAcl) parseAcl(value);
      if (name === accessAcl) {
        const acl = parseAcl(value);
        mode = modeFromAcl(mode, acl);
        if (acl.length === 3) continue;
      }
    } catch (cause) {
      throw new RuntimeError(
        'ENTRY_ATTRIBUTE_INVALID',
        `the archive has a malformed ${name} at ${quoteBytes(path)}: ${(cause as Error).message}`,
        { cause },
      );
    }
    kept.push([name, value]);
  }
  return { mode, xattrs: kept.length === 0 ? undefined : new Map(kept) };
}

function isKept(name: ByteString, kind: TarEntry['kind']): boolean {
  const isFolder = kind === 'directory';
  const isFile = kind === 'file';
  if (kind === 'hardlink') return false;
  if (name === accessAcl) return kind !== 'symlink';
  if (name === defaultAcl) return isFolder;
  if (name === capability) return isFile;
  if (name.startsWith('user.overlay.') || name.startsWith('trusted.overlay.')) return false;
  if (name.startsWith('user.')) return (isFile || isFolder) && name.length > 'user.'.length;
  return /^(?:trusted|security)\../s.test(name);
}

// include/uapi/linux/capability.h, struct vfs_cap_data: 20 bytes with revision 2, 24 with revision 3.
function checkCapability(value: Uint8Array): void {
  const revision = value[3];
  const isKnown = (revision === 2 && value.length === 20) || (revision === 3 && value.length === 24);
  if (!isKnown) throw new Error(`${value.length} bytes of revision ${revision ?? 'none'}`);
}
