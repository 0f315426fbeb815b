import { createHash } from 'node:crypto';
import { type BigIntStats, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readXattrs } from '../linux/xattr.ts';

/**
 * Everything that can be seen of a folder and what is in it, by path: kind, mode, owner, time, size, links,
 * device, target, hash of the content, extended attributes, and which names are one file. Two folders with the
 * same description look the same to every program.
 */
export function describeTree(root: string): { readonly [path: string]: object } {
  const result: { [path: string]: object } = {};
  const firstNames = new Map<bigint, string>();
  const walk = (path: Buffer, name: string) => {
    const stats = lstatSync(path, { bigint: true });
    result[name] = describe(path, stats, firstNames, name);
    if (!stats.isDirectory()) return;
    for (const child of readdirSync(path, { encoding: 'buffer' }).sort(Buffer.compare)) {
      walk(Buffer.concat([path, Buffer.from('/'), child]), `${name}/${child.toString('latin1')}`);
    }
  };
  walk(Buffer.from(root), '');
  return result;
}

function describe(path: Buffer, stats: BigIntStats, firstNames: Map<bigint, string>, name: string): object {
  const first = firstNames.get(stats.ino);
  if (first === undefined) firstNames.set(stats.ino, name);
  return {
    mode: stats.mode.toString(8),
    owner: `${stats.uid}:${stats.gid}`,
    mtime: stats.mtimeNs,
    links: stats.nlink,
    // The size of a folder is the file system's own business.
    size: stats.isDirectory() ? 0n : stats.size,
    device: stats.rdev,
    target: stats.isSymbolicLink() ? readlinkSync(path, { encoding: 'latin1' }) : '',
    content: stats.isFile() ? createHash('sha256').update(readFileSync(path)).digest('hex') : '',
    xattrs: readXattrs(path)
      .map(([key, value]) => `${key.toString('latin1')}=${value.toString('hex')}`)
      .sort(),
    sameAs: first ?? '',
  };
}
