import test from 'ava';
import fc from 'fast-check';
import { treeHashOf } from '../testing/test-log.ts';
import { consistencyRanges, provesConsistency } from './consistency-proof.ts';
import { inclusionRanges, provesInclusion } from './inclusion-proof.ts';
import { RightEdge } from './right-edge.ts';
import {
  encodeEntries,
  parseEntries,
  parseTilePath,
  type Tile,
  TileHashes,
  tilePath,
  tilesFor,
  tileWidth,
} from './tile.ts';
import { emptyRoot, leafHash, type TreeHash } from './tree-hash.ts';
import { hashOfRange, splitOf, subtreesOf, type TreeRange } from './tree-range.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const testLeaves = (count: number, salt = '') =>
  Array.from({ length: count }, (_, index) => leafHash(Buffer.from(`${salt}${index}`)));

// The entries and roots with which the logs of Certificate Transparency test each other.
const ctEntries = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
];
const ctRoots = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

/** The tiles of a tree, made of its definition. */
function tileBytes(leaves: readonly TreeHash[], { level, index, width }: Tile): Uint8Array {
  const span = tileWidth ** Number(level);
  const hashes = Array.from({ length: width }, (_, at) => {
    const begin = (index * tileWidth + at) * span;
    return treeHashOf(leaves.slice(begin, begin + span));
  });
  return new Uint8Array(Buffer.concat(hashes));
}

function hashesFromTiles(leaves: readonly TreeHash[], ranges: readonly TreeRange[]): readonly TreeHash[] {
  const tiles = new TileHashes();
  for (const tile of tilesFor(ranges, leaves.length)) tiles.add(tile, tileBytes(leaves, tile));
  return ranges.map((range) => hashOfRange(range, (subtree) => tiles.hashOf(subtree)));
}

test('hashOfRange() gives the roots that other logs give', (t) => {
  const leaves = ctEntries.map((entry) => leafHash(bytes(entry)));
  for (const [at, root] of ctRoots.entries()) {
    const part = leaves.slice(0, at + 1);
    const found = hashOfRange({ begin: 0, end: at + 1 }, ({ level, index }) =>
      treeHashOf(part.slice(index * 2 ** level, (index + 1) * 2 ** level)),
    );
    t.is(hex(found), root);
    t.is(hex(treeHashOf(part)), root);
  }
  t.is(hex(emptyRoot), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
});

test('splitOf() and subtreesOf() count beyond 32 bits', (t) => {
  t.is(splitOf({ begin: 0, end: 2 ** 40 + 1 }), 2 ** 40);
  t.is(splitOf({ begin: 0, end: 2 ** 40 }), 2 ** 39);
  t.deepEqual(subtreesOf({ begin: 0, end: 2 ** 33 + 5 }), [
    { level: 33, index: 0 },
    { level: 2, index: 2 ** 31 },
    { level: 0, index: 2 ** 33 + 4 },
  ]);
});

test('provesInclusion() believes every entry of every small tree, and nothing else', (t) => {
  for (let size = 1; size <= 20; size += 1) {
    const leaves = testLeaves(size);
    const root = treeHashOf(leaves);
    for (const [index, leaf] of leaves.entries()) {
      const hashes = hashesFromTiles(leaves, inclusionRanges(index, size));
      const question = { leaf, index, size, root };
      t.true(provesInclusion(question, hashes), `${index} of ${size}`);
      t.false(
        provesInclusion({ ...question, leaf: leafHash(Buffer.from('other')) }, hashes),
        'another entry',
      );
      t.false(provesInclusion({ ...question, root: emptyRoot }, hashes), 'another root');
      t.false(provesInclusion(question, [...hashes, leaf]), 'a hash too many');
      if (hashes.length > 0) t.false(provesInclusion(question, hashes.slice(1)), 'a hash too few');
      if (size > 1) t.false(provesInclusion({ ...question, index: (index + 1) % size }, hashes), 'elsewhere');
    }
    t.false(provesInclusion({ leaf: root, index: size, size, root }, []), 'behind the end');
  }
});

test('provesConsistency() believes that every small tree begins with every smaller one, and nothing else', (t) => {
  for (let newSize = 0; newSize <= 20; newSize += 1) {
    const leaves = testLeaves(newSize);
    const newer = { size: newSize, root: treeHashOf(leaves) };
    for (let oldSize = 0; oldSize <= newSize; oldSize += 1) {
      const older = { size: oldSize, root: treeHashOf(leaves.slice(0, oldSize)) };
      const hashes = hashesFromTiles(leaves, consistencyRanges(oldSize, newSize));
      t.true(provesConsistency(older, newer, hashes), `${oldSize} to ${newSize}`);
      t.false(provesConsistency(older, newer, [...hashes, emptyRoot]), 'a hash too many');
      if (oldSize === 0) continue;
      const fork = { size: oldSize, root: treeHashOf(testLeaves(oldSize, 'fork')) };
      t.false(provesConsistency(fork, newer, hashes), 'another beginning');
      const otherEnd = { size: newSize, root: treeHashOf(testLeaves(newSize, 'fork')) };
      t.false(provesConsistency(older, otherEnd, hashes), 'another end');
      if (hashes.length > 0) t.false(provesConsistency(older, newer, hashes.slice(1)), 'a hash too few');
      if (oldSize < newSize) t.false(provesConsistency(newer, older, hashes), 'a tree that shrinks');
    }
  }
});

test('no proof from a forked log passes for one of the log that it left', (t) => {
  const property = fc.property(
    fc.integer({ min: 1, max: 700 }),
    fc.integer({ min: 1, max: 700 }),
    fc.integer({ min: 0, max: 699 }),
    (a, b, forkAt) => {
      const [oldSize, newSize] = [Math.min(a, b), Math.max(a, b)];
      const own = testLeaves(newSize);
      const fork = own.with(forkAt % newSize, leafHash(Buffer.from('fork')));
      const older = { size: oldSize, root: treeHashOf(own.slice(0, oldSize)) };
      const newer = { size: newSize, root: treeHashOf(fork) };
      const hashes = hashesFromTiles(fork, consistencyRanges(oldSize, newSize));
      // A fork behind the old tree is an honest continuation of it.
      return provesConsistency(older, newer, hashes) === forkAt % newSize >= oldSize;
    },
  );
  t.notThrows(() => fc.assert(property, { seed: 1, numRuns: 40 }));
});

test('RightEdge grows as the tree does, from any size on', (t) => {
  const leaves = testLeaves(40);
  for (let begin = 0; begin <= leaves.length; begin += 1) {
    const ranges = subtreesOf({ begin: 0, end: begin }).map(({ level, index }) => {
      return { begin: index * 2 ** level, end: (index + 1) * 2 ** level };
    });
    const edge = new RightEdge(
      begin,
      ranges.map((range) => treeHashOf(leaves.slice(range.begin, range.end))),
    );
    t.is(hex(edge.root), hex(treeHashOf(leaves.slice(0, begin))));
    for (const leaf of leaves.slice(begin)) edge.append(leaf);
    t.is(hex(edge.root), hex(treeHashOf(leaves)), `from ${begin} on`);
    t.is(edge.size, leaves.length);
  }
  t.throws(() => new RightEdge(3, [emptyRoot]), { instanceOf: RangeError });
});

test('TileHashes has every hash of a tree over several levels of tiles', (t) => {
  const size = 256 * 256 + 300;
  const leaves = testLeaves(size);
  const root = treeHashOf(leaves);
  for (const index of [0, 255, 256, 65_535, 65_536, size - 1]) {
    const ranges = inclusionRanges(index, size);
    t.true(tilesFor(ranges, size).length <= 5, 'at most two tiles of a level');
    const leaf = leaves[index] as TreeHash;
    t.true(provesInclusion({ leaf, index, size, root }, hashesFromTiles(leaves, ranges)), `entry ${index}`);
  }
  t.throws(() => new TileHashes().hashOf({ level: 0, index: 0 }), { code: 'TILE_INVALID' });
});

// Addresses from https://c2sp.org/tlog-tiles, and those that nothing has.
const paths: readonly (readonly [tile: Tile, path: string])[] = [
  [{ level: 0, index: 0, width: 256 }, 'tile/0/000'],
  [{ level: 0, index: 0, width: 1 }, 'tile/0/000.p/1'],
  [{ level: 2, index: 1_234_067, width: 256 }, 'tile/2/x001/x234/067'],
  [{ level: 1, index: 1000, width: 255 }, 'tile/1/x001/000.p/255'],
  [{ level: 'entries', index: 67, width: 8 }, 'tile/entries/067.p/8'],
];
test('tilePath() and parseTilePath() are inverse', (t) => {
  for (const [tile, path] of paths) {
    t.is(tilePath(tile), path);
    t.deepEqual(parseTilePath(path), tile);
  }
});

const badPaths: readonly (readonly [path: string, reason: string])[] = [
  ['tile/0/x000/001', 'leading groups of zeros'],
  ['tile/0/1', 'too few digits'],
  ['tile/0/000.p/256', 'a partial tile that is full'],
  ['tile/0/000.p/0', 'a tile of nothing'],
  ['tile/0/000.p/01', 'a width with a zero in front'],
  ['tile/7/000', 'a level that no log reaches'],
  ['tile/0/001/000', 'a group without x before the last'],
  ['tile/data/000', 'the name of an earlier draft'],
  ['tile/0/000/', 'something behind'],
];
test('parseTilePath() refuses what is no address of a tile', (t) => {
  for (const [path, reason] of badPaths) t.is(parseTilePath(path), undefined, reason);
});

test('parseEntries() reads what encodeEntries() wrote, and nothing that is cut or longer', (t) => {
  const entries = [new Uint8Array(), Buffer.from('a'), Buffer.alloc(65_535, 7)].map((each) =>
    Uint8Array.from(each),
  );
  const bundle = encodeEntries(entries);
  t.deepEqual(parseEntries(bundle, 3), entries);
  for (const [part, width] of [
    [bundle, 2],
    [bundle, 4],
    [bundle.subarray(1), 3],
    [bundle.subarray(0, -1), 3],
  ] as const) {
    t.throws(() => parseEntries(part, width), { code: 'TILE_INVALID' });
  }
  t.throws(() => encodeEntries([new Uint8Array(65_536)]), { code: 'TILE_INVALID', message: /65536 bytes/ });
});
