import { hasId, type UserNamespace, userNamespace } from '../linux/user-namespace.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { ByteString } from '../tar/byte-string.ts';
import type { TreeNode } from './tree-node.ts';

/**
 * What of an image a folder on this host can show. For root: everything. Others can't make devices, give files
 * away or set attributes that the kernel trusts, and must stay able to read and remove what they made; so their
 * checkouts leave out devices, all owners, all attributes but `user.`, and keep files readable and folders open
 * for their owner. Root of a user namespace can give files to whoever has a number there, and capabilities and
 * permissions that count in it, but makes no devices, either, and trusts nothing on the host's behalf.
 */
export type CheckoutRules = {
  readonly isOwnerKept: boolean;
  /** @throws RuntimeError OWNER_UNMAPPED for an owner that is to be kept and can't be */
  checkOwner(node: TreeNode): void;
  isLeftOut(node: TreeNode): boolean;
  mode(node: TreeNode): number;
  xattrs(node: TreeNode): readonly (readonly [ByteString, Uint8Array])[];
};

const isDevice = ({ kind }: TreeNode) => kind === 'character-device' || kind === 'block-device';

const rootRules: CheckoutRules = {
  isOwnerKept: true,
  checkOwner: () => undefined,
  isLeftOut: () => false,
  mode: (node) => node.mode,
  xattrs: (node) => [...(node.xattrs ?? [])],
};

const userRules: CheckoutRules = {
  isOwnerKept: false,
  checkOwner: () => undefined,
  isLeftOut: isDevice,
  mode: (node) => node.mode | (node.kind === 'directory' ? 0o700 : node.kind === 'file' ? 0o400 : 0),
  xattrs: (node) => [...(node.xattrs ?? [])].filter(([name]) => name.startsWith('user.')),
};

// user_namespaces(7) and capabilities(7): the kernel binds them to the namespace of whoever sets them.
const namespacedXattrs = /^(?:user\.|security\.capability$|system\.posix_acl_)/;

function namespaceRules(namespace: UserNamespace): CheckoutRules {
  return {
    isOwnerKept: true,
    checkOwner: (node) => checkOwner(node, namespace),
    isLeftOut: isDevice,
    mode: (node) => node.mode,
    xattrs: (node) => [...(node.xattrs ?? [])].filter(([name]) => namespacedXattrs.test(name)),
  };
}

function checkOwner({ uid, gid }: Pick<TreeNode, 'uid' | 'gid'>, { users, groups }: UserNamespace): void {
  if (hasId(users, uid) && hasId(groups, gid)) return;
  const what = hasId(users, uid) ? `group ${gid}` : `user ${uid}`;
  throw new RuntimeError(
    'OWNER_UNMAPPED',
    `the image has files of ${what}, who has no number in your range`,
    {
      hint: 'ask for a larger range of subordinate ids: yours is in /etc/subuid and /etc/subgid; or run the image as root',
    },
  );
}

/** The rules for this process. */
export function checkoutRules(): CheckoutRules {
  if (process.geteuid?.() !== 0) return userRules;
  const namespace = userNamespace();
  return namespace === undefined ? rootRules : namespaceRules(namespace);
}
