import { createHash } from 'node:crypto';
import { digestOf } from '@img/spec/digest';
import test from 'ava';
import fc from 'fast-check';
import { RuntimeError } from '../runtime-error.ts';
import { readTar } from '../testing/read-tar.ts';
import { gnuLongName, paxHeader, tarArchive, tarMemberBytes } from '../testing/tar-bytes.ts';
import { readIndex } from './index-reader.ts';
import { layerEntry } from './layer-entry.ts';
import { LayerIndexer } from './layer-indexer.ts';

const archive = tarArchive(
  { path: './', type: '5', mode: 0o755 },
  { path: './usr/', type: '5' },
  paxHeader([
    ['mtime', '1700000000.123456789'],
    ['SCHILY.xattr.user.x', 'value'],
    ['SCHILY.xattr.user.empty', ''],
  ]),
  { path: './usr/file', content: 'x'.repeat(1000), uid: 4_000_000_000 },
  { path: './usr/file2', content: '', gid: 128 },
  { path: './usr/link', type: '2', link: '../target' },
  { path: './usr/hard', type: '1', link: './usr/file' },
  { path: './dev/null', type: '3', device: [1, 3] },
  { path: './dev/disk', type: '4', device: [7, 300_000] },
  { path: './fifo', type: '6' },
  { path: './.wh.gone' },
  { path: './usr/.wh..wh..opq' },
  gnuLongName('L', `${'folder/'.repeat(500)}name`),
  { content: 'y', mtime: 2 ** 33 },
  paxHeader([
    ['GNU.sparse.size', '4196'],
    ['GNU.sparse.map', '1024,512,4096,100'],
  ]),
  { path: './sparse', content: Buffer.alloc(612, 'z') },
);
const diffId = digestOf(archive);

function indexOf(bytes: Uint8Array, pieceBytes = bytes.length): Uint8Array {
  const indexer = new LayerIndexer();
  for (let at = 0; at < bytes.length; at += pieceBytes) indexer.push(bytes.subarray(at, at + pieceBytes));
  return indexer.finish(diffId);
}

test('an index says what the archive says', (t) => {
  const index = readIndex(indexOf(archive), 'test');
  t.is(index.diffId, diffId);
  t.is(index.tarBytes, archive.length);
  t.deepEqual(index.entries, readTar(archive).map(layerEntry));
});

test('an index is the same for the same bytes, in whatever pieces they come', (t) => {
  const index = indexOf(archive);
  for (const pieceBytes of [1, 100, 512, 4096]) t.deepEqual(indexOf(archive, pieceBytes), index);
});

test('an index takes little space', (t) => {
  const members = Array.from({ length: 1000 }, (_, index) =>
    tarMemberBytes({ path: `usr/share/doc/package/file-${index}`, mtime: 1_700_000_000, content: 'x' }),
  );
  t.true(indexOf(tarArchive(...members)).length < 25_000);
});

test('readIndex() refuses every changed byte and every shorter index', (t) => {
  const index = indexOf(archive);
  for (let at = 0; at < index.length; at += 1) {
    const changed = Buffer.from(index);
    changed[at] = (changed[at] ?? 0) ^ 1;
    t.throws(() => readIndex(changed, 'test'), { instanceOf: RuntimeError, code: 'LAYER_DAMAGED' });
  }
  for (let length = 0; length < index.length; length += 7) {
    t.throws(() => readIndex(index.subarray(0, length), 'test'), { code: 'LAYER_DAMAGED' });
  }
});

test('readIndex() says what is wrong and in which file', (t) => {
  const index = Buffer.from(indexOf(archive));
  index[8] = 9;
  t.throws(() => readIndex(index, '/store/x.index'), {
    message: 'the index /store/x.index of a layer is damaged: it has the version 9 instead of 1',
  });
  t.throws(() => readIndex(Buffer.alloc(0), 'x'), { message: /it is no index/ });
});

test('readIndex() never fails with anything but its own error on made-up indexes with a right checksum', (t) => {
  const body = indexOf(archive).subarray(0, -32);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 80, max: body.length - 1 }), fc.nat(255)), {
        minLength: 1,
        maxLength: 5,
      }),
      fc.integer({ min: 80, max: body.length }),
      (changes, length) => {
        const changed = Buffer.from(body.subarray(0, length));
        for (const [at, byte] of changes) if (at < length) changed[at] = byte;
        const bytes = Buffer.concat([changed, createHash('sha256').update(changed).digest()]);
        try {
          readIndex(bytes, 'test');
        } catch (error) {
          t.true(error instanceof RuntimeError, String(error));
        }
      },
    ),
    { numRuns: 3000 },
  );
});

test('LayerIndexer refuses an archive that is cut short', (t) => {
  const indexer = new LayerIndexer();
  indexer.push(archive.subarray(0, 700));
  t.throws(() => indexer.finish(diffId), { code: 'ARCHIVE_TRUNCATED' });
});

test('LayerIndexer refuses an archive of more metadata than memory should hold', (t) => {
  const indexer = new LayerIndexer();
  const big = tarArchive(
    ...Array.from({ length: 16 }, (_, index) => [
      paxHeader([[`SCHILY.xattr.user.${index}`, Buffer.alloc(60_000)]]),
      tarMemberBytes({}),
    ]).flat(),
  ).subarray(0, -1024);
  t.throws(
    () => {
      for (let round = 0; round < 100; round += 1) indexer.push(big);
    },
    { code: 'ARCHIVE_LIMIT' },
  );
});
