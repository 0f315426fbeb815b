import { readFileSync } from 'node:fs';
import type { ByteString } from '../tar/byte-string.ts';
import type { TreeNode } from './tree-node.ts';

/**
 * What of an image a folder on this host can show. For root: everything. Others can't make devices, give files
 * away or set attributes that the kernel trusts, and must stay able to read and remove what they made; so their
 * checkouts leave out devices, all owners, all attributes but `user.`, and keep files readable and folders open
 * for their owner.
 */
export type CheckoutRules = {
  readonly isOwnerKept: boolean;
  isLeftOut(node: TreeNode): boolean;
  mode(node: TreeNode): number;
  xattrs(node: TreeNode): readonly (readonly [ByteString, Uint8Array])[];
};

const rootRules: CheckoutRules = {
  isOwnerKept: true,
  isLeftOut: () => false,
  mode: (node) => node.mode,
  xattrs: (node) => [...(node.xattrs ?? [])],
};

const userRules: CheckoutRules = {
  isOwnerKept: false,
  isLeftOut: (node) => node.kind === 'character-device' || node.kind === 'block-device',
  mode: (node) => node.mode | (node.kind === 'directory' ? 0o700 : node.kind === 'file' ? 0o400 : 0),
  xattrs: (node) => [...(node.xattrs ?? [])].filter(([name]) => name.startsWith('user.')),
};

/** The rules for this process: root's only outside of user namespaces. */
export function checkoutRules(): CheckoutRules {
  const isRoot =
    process.geteuid?.() === 0 &&
    /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
  return isRoot ? rootRules : userRules;
}
