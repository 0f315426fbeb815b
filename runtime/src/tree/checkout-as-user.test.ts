import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import test from 'ava';
import { digestFileName } from '../layers/layer-place.ts';
import { LayerStore } from '../layers/layer-store.ts';
import { readXattrs } from '../linux/xattr.ts';
import { paxHeader, tarArchive } from '../testing/tar-bytes.ts';
import { checkTree, prepareTree } from './prepare-tree.ts';
import { removeTree } from './tree-files.ts';

const nobody = 65_534;

// The whole file runs in one child process of AVA; as root it goes on as nobody, as who it can't do what root can.
test.before(() => {
  if (process.geteuid?.() !== 0) return;
  // Loads the native library while this process may still read it.
  readXattrs(Buffer.from('/'));
  process.setegid?.(nobody);
  process.seteuid?.(nobody);
});

const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');
const archive = tarArchive(
  { path: './', type: '5', mode: 0o755, uid: 0 },
  { path: './closed/', type: '5', mode: 0o000 },
  { path: './closed/secret', content: 'secret', mode: 0o000, uid: 7, gid: 42 },
  paxHeader([
    ['SCHILY.xattr.security.capability', capability],
    ['SCHILY.xattr.user.note', 'text'],
  ]),
  { path: './tool', content: 'tool', mode: 0o755, mtime: 1_234_567_890 },
  { path: './null', type: '3', device: [1, 3] },
  { path: './pipe', type: '6' },
  { path: './link', type: '2', link: '/etc/shadow' },
);
const manifest = digestOf(archive);

test('a user other than root gets a checkout with everything that a user can have', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'img-user-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const store = new LayerStore({ root: folder, run: join(folder, 'run') });
  const descriptor = { mediaType: mediaTypes.ociLayer, digest: manifest, size: archive.length };
  await store.put(
    { descriptor, diffId: manifest },
    (async function* (): AsyncGenerator<Uint8Array> {
      yield archive;
    })(),
  );
  const request = { store, manifest, layers: [manifest] };
  t.is((await prepareTree(request)).method, 'checkout', 'only root can mount the image');
  const checkout = join(folder, 'checkouts', digestFileName(manifest));
  t.deepEqual(readdirSync(checkout).sort(), ['closed', 'link', 'pipe', 'tool'], 'without devices');
  t.is(readFileSync(join(checkout, 'closed/secret'), 'utf8'), 'secret', 'readable for its owner');
  t.is(lstatSync(join(checkout, 'closed/secret')).uid, process.geteuid?.() ?? -1);
  t.is(lstatSync(join(checkout, 'tool')).mtimeMs, 1_234_567_890_000);
  t.deepEqual(
    readXattrs(Buffer.from(join(checkout, 'tool'))).map(([name]) => name.toString()),
    ['user.note'],
  );
  t.is((await checkTree(request)).method, 'checkout');
  const { mtime } = lstatSync(join(checkout, 'tool'));
  writeFileSync(join(checkout, 'tool'), 'evil');
  utimesSync(join(checkout, 'tool'), mtime, mtime);
  await t.throwsAsync(checkTree(request), {
    code: 'TREE_DAMAGED',
    message: /"\/tool" of layer sha256:.* has another content/,
  });
  await removeTree(store, manifest);
  t.deepEqual(readdirSync(join(folder, 'checkouts')), ['trash']);
});
