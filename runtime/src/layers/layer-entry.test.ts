import test from 'ava';
import { RuntimeError, type RuntimeErrorCode } from '../runtime-error.ts';
import { bytesOf } from '../tar/byte-string.ts';
import { readTar } from '../testing/read-tar.ts';
import { paxHeader, type TarBytes, tarArchive } from '../testing/tar-bytes.ts';
import { chunkBytes } from './content-pieces.ts';
import { type LayerEntry, layerEntry } from './layer-entry.ts';

function entryOf(...members: readonly (TarBytes | Uint8Array)[]): LayerEntry {
  const [entry] = readTar(tarArchive(...members));
  if (entry === undefined) throw new Error('no entry');
  return layerEntry(entry);
}

const text = (value: LayerEntry['path']) => bytesOf(value).toString();

const paths: readonly (readonly [written: string, path: string, reason: string])[] = [
  ['usr/bin/tool', 'usr/bin/tool', 'as it should be'],
  ['./usr/bin/tool', 'usr/bin/tool', 'as GNU tar writes the names of a folder'],
  ['/usr/bin/tool', 'usr/bin/tool', 'absolute names are relative to the image'],
  ['//usr///bin/./tool', 'usr/bin/tool', 'slashes and points that say nothing'],
  ['usr/bin/tool/', 'usr/bin/tool', 'a slash at the end'],
  ['..data', '..data', 'a name that only begins with points'],
  ['...', '...', 'a name of points'],
  ['a\\b', 'a\\b', 'a backslash is a character like others'],
  ['a b\n', 'a b\n', 'spaces and line ends are characters like others'],
];

for (const [written, path, reason] of paths) {
  test(`layerEntry() reads the path ${JSON.stringify(written)}: ${reason}`, (t) => {
    t.is(text(entryOf({ path: written }).path), path);
  });
}

test('layerEntry() takes . and / for the root folder', (t) => {
  for (const path of ['.', './', '/', './/.']) t.is(text(entryOf({ path, type: '5' }).path), '');
});

const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');
const acl = (...entries: readonly (readonly [tag: number, permissions: number, id?: number])[]) =>
  Buffer.concat([
    Buffer.from([2, 0, 0, 0]),
    ...entries.map(([tag, permissions, id]) => {
      const bytes = Buffer.alloc(8);
      bytes.writeUInt16LE(tag);
      bytes.writeUInt16LE(permissions, 2);
      bytes.writeUInt32LE(id ?? 0xffffffff, 4);
      return bytes;
    }),
  ]);
const accessAcl = 'SCHILY.xattr.system.posix_acl_access';
const withAcl = (value: Uint8Array) => [paxHeader([[accessAcl, value]]), {}] as const;

const refused: readonly (readonly [RuntimeErrorCode, string, readonly (TarBytes | Uint8Array)[]])[] = [
  ['ENTRY_PATH_INVALID', 'a path out of the image', [{ path: '../etc/passwd' }]],
  ['ENTRY_PATH_INVALID', 'a path out of the image from below', [{ path: 'a/../../etc/passwd' }]],
  ['ENTRY_PATH_INVALID', 'a path that only goes up and down', [{ path: 'a/../b' }]],
  ['ENTRY_PATH_INVALID', 'an absolute path that goes up', [{ path: '/..' }]],
  ['ENTRY_PATH_INVALID', 'a path without a name', [{ path: '' }]],
  ['ENTRY_PATH_INVALID', 'a file as the root folder', [{ path: './' }]],
  ['ENTRY_PATH_INVALID', 'a link as the root folder', [{ path: '/', type: '2', link: '/host' }]],
  [
    'ENTRY_PATH_INVALID',
    'a name longer than file systems hold',
    [paxHeader([['path', `a/${'x'.repeat(256)}`]]), {}],
  ],
  ['ENTRY_LINK_INVALID', 'a symbolic link to nothing', [{ type: '2' }]],
  ['ENTRY_LINK_INVALID', 'a hard link to nothing', [{ type: '1' }]],
  ['ENTRY_LINK_INVALID', 'a hard link out of the image', [{ type: '1', link: '../../etc/shadow' }]],
  ['ENTRY_DEVICE_INVALID', 'the device that overlayfs takes for a whiteout', [{ type: '3', device: [0, 0] }]],
  ['ENTRY_DEVICE_INVALID', 'a major number past 12 bits', [{ type: '3', device: [4096, 0] }]],
  ['ENTRY_DEVICE_INVALID', 'a minor number past 20 bits', [{ type: '4', device: [0, 2 ** 20] }]],
  ['ENTRY_DEVICE_INVALID', 'a negative major number', [{ type: '4', device: [-1, 0] }]],
  ['ENTRY_WHITEOUT_INVALID', 'a whiteout without a name', [{ path: 'a/.wh.' }]],
  ['ENTRY_WHITEOUT_INVALID', 'a whiteout of its own folder', [{ path: 'a/.wh..' }]],
  ['ENTRY_WHITEOUT_INVALID', 'a whiteout of the folder above', [{ path: 'a/.wh...' }]],
  ['ENTRY_WHITEOUT_INVALID', 'a folder as a whiteout', [{ path: '.wh.a', type: '5' }]],
  ['ENTRY_WHITEOUT_INVALID', 'something below a whiteout', [{ path: '.wh.a/b' }]],
  ['ENTRY_WHITEOUT_INVALID', 'bookkeeping of AUFS', [{ path: '.wh..wh.plnk' }]],
  ['ENTRY_WHITEOUT_INVALID', 'something below bookkeeping of AUFS', [{ path: '.wh..wh.plnk/1.2' }]],
  [
    'ARCHIVE_UNSUPPORTED',
    'a sparse file whose pieces are not on blocks',
    [
      paxHeader([
        ['GNU.sparse.size', '2000'],
        ['GNU.sparse.map', '100,10'],
      ]),
      { content: '0123456789' },
    ],
  ],
  [
    'ARCHIVE_UNSUPPORTED',
    'a sparse file whose second piece is not on a block of the archive',
    [
      paxHeader([
        ['GNU.sparse.size', '2000'],
        ['GNU.sparse.map', '0,10,512,10'],
      ]),
      { content: '01234567890123456789' },
    ],
  ],
  [
    'ARCHIVE_LIMIT',
    'a sparse file of millions of chunks',
    [
      paxHeader([
        ['GNU.sparse.size', String(2 ** 40)],
        ['GNU.sparse.map', '512,512'],
      ]),
      { content: Buffer.alloc(512) },
    ],
  ],
  [
    'ENTRY_ATTRIBUTE_INVALID',
    'a capability that the kernel can not read',
    [paxHeader([['SCHILY.xattr.security.capability', 'x']]), {}],
  ],
  [
    'ENTRY_ATTRIBUTE_INVALID',
    'a capability of the wrong length',
    [paxHeader([['SCHILY.xattr.security.capability', Buffer.concat([capability, Buffer.alloc(4)])]]), {}],
  ],
  [
    'ENTRY_ATTRIBUTE_INVALID',
    'an access control list of a wrong length',
    withAcl(Buffer.from([2, 0, 0, 0, 1])),
  ],
  ['ENTRY_ATTRIBUTE_INVALID', 'an empty access control list', withAcl(Buffer.alloc(0))],
  [
    'ENTRY_ATTRIBUTE_INVALID',
    'an access control list of another version',
    withAcl(Buffer.from([3, 0, 0, 0])),
  ],
  ['ENTRY_ATTRIBUTE_INVALID', 'an access control list without others', withAcl(acl([1, 7], [4, 7]))],
  ['ENTRY_ATTRIBUTE_INVALID', 'an unsorted access control list', withAcl(acl([4, 7], [1, 7], [32, 7]))],
  [
    'ENTRY_ATTRIBUTE_INVALID',
    'a named user without a mask',
    withAcl(acl([1, 7], [2, 7, 1], [4, 7], [32, 7])),
  ],
  [
    'ENTRY_ATTRIBUTE_INVALID',
    'a named user without a number',
    withAcl(acl([1, 7], [2, 7], [4, 7], [16, 7], [32, 7])),
  ],
  ['ENTRY_ATTRIBUTE_INVALID', 'permissions that are none', withAcl(acl([1, 8], [4, 7], [32, 7]))],
  [
    'ENTRY_ATTRIBUTE_INVALID',
    'an unknown line in an access control list',
    withAcl(acl([1, 7], [4, 7], [32, 7], [64, 7])),
  ],
];

for (const [code, reason, members] of refused) {
  test(`layerEntry() refuses ${reason}`, (t) => {
    const error = t.throws(() => entryOf(...members), { instanceOf: RuntimeError, code });
    t.notRegex(error.message, /\p{Cc}/u);
  });
}

test('layerEntry() names what a whiteout removes', (t) => {
  t.like(entryOf({ path: 'a/.wh.b' }), { kind: 'whiteout', path: 'a/b' });
  t.like(entryOf({ path: './.wh.top' }), { kind: 'whiteout', path: 'top' });
  t.like(entryOf({ path: '.wh.a b' }), { kind: 'whiteout', path: 'a b' });
  t.like(entryOf({ path: 'a/.wh..wh..opq' }), { kind: 'opaque', path: 'a' });
  t.like(entryOf({ path: '.wh..wh..opq' }), { kind: 'opaque', path: '' });
  t.like(entryOf({ path: 'a/.whatever' }), { kind: 'file', path: 'a/.whatever' });
});

test('layerEntry() keeps the target of a symbolic link as it is, and makes that of a hard link a path', (t) => {
  t.is(text(entryOf({ type: '2', link: '/../..//etc' }).linkTarget), '/../..//etc');
  t.is(text(entryOf({ type: '1', link: './/etc/./passwd' }).linkTarget), 'etc/passwd');
});

test('layerEntry() takes times out of the range of other runtimes for 1970', (t) => {
  const times: readonly (readonly [string, number, number])[] = [
    ['-62135596800', 0, 0],
    ['-0.5', 0, 0],
    ['9223372036', 0, 0],
    ['9223372035.5', 9_223_372_035, 500_000_000],
  ];
  for (const [mtime, mtimeSeconds, mtimeNanoseconds] of times) {
    t.like(entryOf(paxHeader([['mtime', mtime]]), {}), { mtimeSeconds, mtimeNanoseconds }, mtime);
  }
});

test('layerEntry() keeps the attributes that a file system would take, and drops the rest', (t) => {
  const names = [
    'user.text',
    'trusted.text',
    'security.selinux',
    'security.capability',
    'system.posix_acl_default',
    'com.apple.provenance',
    'btrfs.compression',
    'system.other',
    'user.',
    'trusted.overlay.redirect',
    'user.overlay.opaque',
  ];
  const values = new Map<string, Buffer>([
    ['security.capability', capability],
    ['system.posix_acl_default', acl([1, 7], [4, 5], [32, 5])],
  ]);
  const records = names.map((name) => [`SCHILY.xattr.${name}`, values.get(name) ?? 'x'] as const);
  const kept = (type: string) =>
    [...(entryOf(paxHeader(records), { type, link: 'x', device: [1, 3] }).xattrs ?? [])].map(
      ([name]) => name as string,
    );
  t.deepEqual(kept('0'), ['security.capability', 'security.selinux', 'trusted.text', 'user.text']);
  t.deepEqual(kept('5'), ['security.selinux', 'system.posix_acl_default', 'trusted.text', 'user.text']);
  for (const type of ['2', '3', '6']) t.deepEqual(kept(type), ['security.selinux', 'trusted.text'], type);
  t.deepEqual(kept('1'), [], 'a hard link has the attributes of its target');
});

test('layerEntry() has the mode agree with the access control list', (t) => {
  const named = acl([1, 7], [2, 6, 1000], [4, 4], [8, 5, 50], [16, 5], [32, 1]);
  const entry = entryOf(paxHeader([[accessAcl, named]]), { mode: 0o4600 });
  t.is(entry.mode, 0o4751, 'group bits are the mask');
  t.is(entry.xattrs?.size, 1);
  const minimal = entryOf(paxHeader([[accessAcl, acl([1, 6], [4, 4], [32, 4])]]), { mode: 0o777 });
  t.is(minimal.mode, 0o644);
  t.is(minimal.xattrs, undefined, 'a list that says no more than the mode is none');
});

test('chunkBytes() is the largest block that all pieces of a sparse file lie on', (t) => {
  const size = 10_000_000;
  const pieces = (...ranges: readonly (readonly [number, number])[]) =>
    ranges.map(([fileOffset, bytes]) => ({ fileOffset, archiveOffset: 0, size: bytes }));
  const chunk = (sparse: LayerEntry['sparse'], bytes = size) =>
    chunkBytes({ size: bytes, contentOffset: 0, sparse });
  t.is(chunk(undefined, 1), 512);
  t.is(chunk(undefined, 513), 1024);
  t.is(chunk(undefined), 2 ** 24);
  t.is(chunk([]), 2 ** 24);
  t.is(chunk(pieces([4096, 8192])), 4096);
  t.is(chunk(pieces([8192, 8192])), 8192);
  t.is(chunk(pieces([65_536, size - 65_536])), 65_536, 'the end of the file needs no block');
  t.is(chunk(pieces([65_536, 512])), 512);
});
