import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { type Digest, digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import type { ExecutionContext } from 'ava';
import { LayerStore } from '../layers/layer-store.ts';
import { unmount } from '../linux/mount.ts';
import type { ImageTree } from '../tree/image-tree.ts';
import type { TreeRequest } from '../tree/prepare-tree.ts';
import { gnuLongName, paxHeader, type TarBytes, tarArchive } from './tar-bytes.ts';

/** Names the tree; the tests need no manifest. */
export const manifest = digestOf(Buffer.from('manifest'));
/** A store with the layers of an image. */
export type Host = {
  readonly request: TreeRequest;
  readonly root: string;
  readonly run: string;
  readonly layers: readonly Digest[];
};

export async function makeHost(t: ExecutionContext, ...archives: readonly Uint8Array[]): Promise<Host> {
  const folder = temporaryFolder(t);
  const [root, run] = [join(folder, 'root'), join(folder, 'run')];
  const store = new LayerStore({ root, run });
  const layers: Digest[] = [];
  for (const archive of archives) {
    const diffId = digestOf(archive);
    const descriptor = { mediaType: mediaTypes.ociLayer, digest: diffId, size: archive.length };
    await store.put({ descriptor, diffId }, chunksOf(archive));
    layers.push(diffId);
  }
  return { request: { store, manifest, layers }, root, run, layers };
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Where a tree is mounted until the end of the test, in the namespace that the test file has entered. */
export function mounted(t: ExecutionContext, tree: ImageTree): string {
  const target = mkdtempSync(join(tmpdir(), 'img-mount-'));
  tree.mount(target);
  t.teardown(() => {
    unmount(target);
    rmdirSync(target);
  });
  return target;
}

const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');
const lower: readonly (TarBytes | Uint8Array)[] = [
  { path: './', type: '5', mode: 0o755, mtime: 1_600_000_000 },
  { path: './etc/', type: '5', mode: 0o755, mtime: 1_600_000_001 },
  { path: './etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\n', mode: 0o644 },
  { path: './etc/shadow', content: 'root:!\n', mode: 0o000, gid: 42 },
  { path: './gone', content: 'removed by the upper layer' },
  { path: './opaque/old', content: 'hidden by the upper layer' },
  { path: './bin/su', content: '#!', mode: 0o4755, mtime: 1_500_000_000 },
  paxHeader([
    ['SCHILY.xattr.security.capability', capability],
    ['SCHILY.xattr.user.note', 'text'],
    ['mtime', '1234567890.123456789'],
  ]),
  { path: './bin/ping', content: 'ping'.repeat(1000), mode: 0o755 },
  { path: './dev/null', type: '3', device: [1, 3], mode: 0o666 },
  { path: './dev/disk', type: '4', device: [300, 70_000], mode: 0o660, gid: 6 },
  { path: './pipe', type: '6', mode: 0o600 },
  { path: './large', content: Buffer.alloc(3_000_000, 'large') },
  { path: './private/', type: '5', mode: 0o500 },
  { path: './private/file', content: 'x', mode: 0o400 },
  { path: Buffer.from([0x2e, 0x2f, 0xff, 0xfe]), content: 'no UTF-8' },
  paxHeader([
    ['GNU.sparse.size', '999524'],
    ['GNU.sparse.map', '1024,512,999424,100'],
    ['GNU.sparse.name', './sparse'],
  ]),
  { content: Buffer.concat([Buffer.alloc(512, 'a'), Buffer.alloc(100, 'b')]) },
  gnuLongName('L', `./${'deep/'.repeat(200)}file`),
  { content: 'deep' },
];
const upper: readonly (TarBytes | Uint8Array)[] = [
  { path: './.wh.gone' },
  { path: './opaque/.wh..wh..opq' },
  { path: './opaque/new', content: 'new', uid: 1000, gid: 1000 },
  { path: './ping-again', type: '1', link: './bin/ping' },
  { path: './link-to-link', type: '2', link: 'etc/link' },
  { path: './etc/link', type: '2', link: '/etc/passwd' },
  { path: './etc/same-link', type: '1', link: './etc/link' },
  { path: './bin/', type: '5', mode: 0o711, uid: 7, mtime: 1_650_000_000 },
];
/** Two layers with everything that layers can have. */
export const richArchives = [tarArchive(...lower), tarArchive(...upper)];
