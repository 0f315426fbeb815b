/** One line of an access control list; `id` is the owner's or group's number, or none. */
export type AclEntry = { readonly tag: number; readonly permissions: number; readonly id: number };

// include/uapi/linux/posix_acl.h. The kernel takes lists in this order only.
const tags = { userOwner: 1, user: 2, groupOwner: 4, group: 8, mask: 16, other: 32 } as const;
const noId = 0xffffffff;
const version = 2;

/**
 * Reads an access control list as the kernel keeps it in `system.posix_acl_*`: a version, then 8 bytes an entry.
 *
 * @throws Error saying what is wrong, for whatever the kernel would refuse
 */
export function parseAcl(value: Uint8Array): readonly AclEntry[] {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if (value.length < 4 || value.length % 8 !== 4) throw new Error(`a list of ${value.length} bytes`);
  if (view.getUint32(0, true) !== version) throw new Error(`version ${view.getUint32(0, true)}`);
  const entries: AclEntry[] = [];
  for (let at = 4; at < value.length; at += 8) {
    entries.push({
      tag: view.getUint16(at, true),
      permissions: view.getUint16(at + 2, true),
      id: view.getUint32(at + 4, true),
    });
  }
  checkOrder(entries);
  return entries;
}

/** The mode after setting the list: group bits are the mask's where there is one (acl(5)). */
export function modeFromAcl(mode: number, acl: readonly AclEntry[]): number {
  const permissionsOf = (tag: number) => acl.find((entry) => entry.tag === tag)?.permissions;
  const group = permissionsOf(tags.mask) ?? permissionsOf(tags.groupOwner) ?? 0;
  const user = permissionsOf(tags.userOwner) ?? 0;
  const other = permissionsOf(tags.other) ?? 0;
  return (mode & 0o7000) | (user << 6) | (group << 3) | other;
}

const tagLetters: ReadonlyMap<number, string> = new Map([
  [tags.userOwner, 'U'],
  [tags.user, 'u'],
  [tags.groupOwner, 'G'],
  [tags.group, 'g'],
  [tags.mask, 'M'],
  [tags.other, 'O'],
]);

function checkOrder(entries: readonly AclEntry[]): void {
  const order = entries.map(({ tag }) => tagLetters.get(tag) ?? '?').join('');
  // Owner, named users, owning group, named groups, mask (needed where any is named), others.
  if (!/^(?:UGO|Uu*Gg*MO)$/.test(order)) throw new Error('missing, doubled, unknown or unsorted entries');
  for (const { tag, permissions, id } of entries) {
    const isNamed = tag === tags.user || tag === tags.group;
    if (permissions > 7) throw new Error(`the permissions ${permissions}`);
    if (isNamed && id === noId) throw new Error('a named entry without a number');
  }
}
