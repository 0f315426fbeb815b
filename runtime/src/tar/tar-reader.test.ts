import { randomBytes } from 'node:crypto';
import test from 'ava';
import { readTar } from '../testing/read-tar.ts';
import { gnuLongName, paxHeader, type TarBytes, tarArchive, tarMemberBytes } from '../testing/tar-bytes.ts';
import { byteStringOf, bytesOf } from './byte-string.ts';
import type { TarEntry } from './tar-entry.ts';

function readOne(...members: readonly (TarBytes | Uint8Array)[]): TarEntry {
  const [entry, ...rest] = readTar(tarArchive(...members));
  if (entry === undefined || rest.length > 0) throw new Error(`${rest.length + 1} entries instead of one`);
  return entry;
}

const text = (entry: TarEntry) => bytesOf(entry.path).toString();

test('an entry says everything that a ustar header says, and where the content is', (t) => {
  const entry = readOne({
    path: 'usr/bin/tool',
    prefix: 'a/long/folder',
    mode: 0o4755,
    uid: 1000,
    gid: 2000,
    mtime: 1_700_000_000,
    content: 'hello',
  });
  t.deepEqual(entry, {
    kind: 'file',
    path: byteStringOf('a/long/folder/usr/bin/tool'),
    linkTarget: byteStringOf(''),
    mode: 0o4755,
    uid: 1000,
    gid: 2000,
    mtimeSeconds: 1_700_000_000,
    mtimeNanoseconds: 0,
    size: 5,
    contentOffset: 512,
    sparse: undefined,
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: undefined,
  });
});

test('every type flag has its kind', (t) => {
  const kinds: readonly (readonly [string, TarEntry['kind'], string])[] = [
    ['0', 'file', 'POSIX'],
    ['\0', 'file', 'before POSIX'],
    ['7', 'file', 'contiguous files are files'],
    ['1', 'hardlink', 'POSIX'],
    ['2', 'symlink', 'POSIX'],
    ['3', 'character-device', 'POSIX'],
    ['4', 'block-device', 'POSIX'],
    ['5', 'directory', 'POSIX'],
    ['6', 'fifo', 'POSIX'],
  ];
  for (const [type, kind, reason] of kinds) t.is(readOne({ type }).kind, kind, reason);
  t.is(
    readOne({ type: '\0', path: 'folder/', magic: '' }).kind,
    'directory',
    'a slash makes a folder before POSIX',
  );
  t.is(readOne({ type: '0', path: 'file/' }).kind, 'file', 'but not where the type says file');
});

test('device numbers are read of devices only, and link targets of links only', (t) => {
  const device = readOne({ type: '3', device: [10, 229], link: 'x' });
  t.like(device, { deviceMajor: 10, deviceMinor: 229, linkTarget: byteStringOf('') });
  t.like(readOne({ type: '2', link: '../x', device: [1, 2] }), {
    deviceMajor: 0,
    deviceMinor: 0,
    linkTarget: byteStringOf('../x'),
  });
});

test('members without content have none, whatever their size says', (t) => {
  for (const type of ['1', '2', '3', '4', '5', '6']) {
    const entries = readTar(tarArchive({ type, size: 12_345 }, { path: 'next' }));
    t.deepEqual(
      entries.map(({ size }) => size),
      [0, 0],
    );
    t.is(text(entries[1] as TarEntry), 'next');
  }
});

test('numbers that do not fit in octal digits come in base 256 or in PAX records', (t) => {
  const big = readOne({ uid: 3_000_000_000, gid: 4_000_000_000, mtime: 2 ** 40 });
  t.like(big, { uid: 3_000_000_000, gid: 4_000_000_000, mtimeSeconds: 2 ** 40 });
  t.is(readOne({ mtime: -5 }).mtimeSeconds, -5);
  const pax = readOne(
    paxHeader([
      ['uid', '3000000000'],
      ['gid', '12'],
      ['size', '3'],
    ]),
    { content: 'abc', uid: 7 },
  );
  t.like(pax, { uid: 3_000_000_000, gid: 12, size: 3 });
});

test('times have the fraction that PAX records give them', (t) => {
  const rows: readonly (readonly [string, number, number, string])[] = [
    ['12', 12, 0, 'none'],
    ['12.5', 12, 500_000_000, 'one digit'],
    ['12.', 12, 0, 'a point alone'],
    ['12.1234567899', 12, 123_456_789, 'digits past the ninth are dropped'],
    ['-1.25', -2, 750_000_000, 'before 1970 the fraction still counts upwards'],
    ['-3', -3, 0, 'whole seconds before 1970'],
    ['-0', 0, 0, 'no negative zero'],
  ];
  for (const [value, mtimeSeconds, mtimeNanoseconds, reason] of rows) {
    t.like(readOne(paxHeader([['mtime', value]]), {}), { mtimeSeconds, mtimeNanoseconds }, reason);
  }
});

test('long names come from PAX or GNU headers', (t) => {
  const path = `${'folder/'.repeat(40)}name`;
  const link = `${'../'.repeat(60)}target`;
  t.is(text(readOne(gnuLongName('L', path), { path: 'short' })), path);
  t.is(readOne(gnuLongName('K', link), { type: '2' }).linkTarget, byteStringOf(link));
  t.is(text(readOne(gnuLongName('K', link), gnuLongName('L', path), { type: '2' })), path);
  const pax = readOne(
    paxHeader([
      ['path', path],
      ['linkpath', link],
    ]),
    { type: '2', prefix: 'ignored' },
  );
  t.deepEqual([text(pax), pax.linkTarget], [path, byteStringOf(link)]);
});

test('names are bytes, not text', (t) => {
  const bytes = Buffer.from([0x61, 0xff, 0xfe, 0x80]);
  t.deepEqual(bytesOf(readOne({ path: bytes }).path), bytes);
  t.deepEqual(bytesOf(readOne(paxHeader([['path', bytes]]), {}).path), bytes);
});

test('local PAX records apply to one member, global ones until they are overridden or taken back', (t) => {
  const entries = readTar(
    tarArchive(
      paxHeader(
        [
          ['uid', '5'],
          ['mtime', '9.5'],
          ['SCHILY.xattr.user.all', 'x'],
        ],
        'g',
      ),
      { path: 'a', uid: 1 },
      paxHeader([
        ['uid', '6'],
        ['path', 'renamed'],
      ]),
      { path: 'b', uid: 1 },
      { path: 'c', uid: 1 },
      paxHeader([['uid', '']]),
      { path: 'd', uid: 1 },
      paxHeader([['uid', '7']], 'g'),
      { path: 'e', uid: 1 },
    ),
  );
  t.deepEqual(
    entries.map((entry) => [text(entry), entry.uid, entry.mtimeSeconds]),
    [
      ['a', 5, 9],
      ['renamed', 6, 9],
      ['c', 5, 9],
      ['d', 1, 9],
      ['e', 7, 9],
    ],
  );
  t.true(entries.every(({ xattrs }) => xattrs?.get(byteStringOf('user.all'))?.length === 1));
});

test('extended attributes are read exactly, in both ways to write them', (t) => {
  const value = Buffer.from([0, 10, 255, 61]);
  const { xattrs } = readOne(
    paxHeader([
      ['SCHILY.xattr.security.capability', value],
      ['SCHILY.xattr.user.empty', ''],
      ['SCHILY.xattr.user.a=b', 'x'],
      ['LIBARCHIVE.xattr.user.c%3Dd', value.toString('base64').replace(/=+$/, '')],
      ['LIBARCHIVE.xattr.security.capability', 'AAAA'],
    ]),
    {},
  );
  t.deepEqual(
    [...(xattrs ?? [])].map(([name, bytes]) => [bytesOf(name).toString(), Buffer.from(bytes)]),
    [
      ['security.capability', value],
      ['user.empty', Buffer.alloc(0)],
      // A key ends at the first `=`.
      ['user.a', Buffer.from('b=x')],
      ['user.c=d', value],
    ],
  );
});

test('sparse files of every format say which pieces are stored where', (t) => {
  const stored = Buffer.concat([Buffer.alloc(512, 'a'), Buffer.alloc(100, 'b')]);
  const wanted = [
    [1024, 0, 512],
    [4096, 512, 100],
  ];
  const map: readonly string[] = ['1024', '512', '4096', '100', '8192', '0'];
  const gnu0 = [
    ...[0, 2, 4].flatMap((at) => [
      ['GNU.sparse.offset', map[at] ?? ''] as const,
      ['GNU.sparse.numbytes', map[at + 1] ?? ''] as const,
    ]),
  ];
  const gnu1Map = Buffer.alloc(512);
  gnu1Map.write(`3\n${map.join('\n')}\n`);
  const octal = (value: string | undefined) => `${Number(value).toString(8).padStart(11, '0')}\0`;
  const archives: readonly (readonly [string, Buffer, number])[] = [
    [
      '0.0',
      tarArchive(paxHeader([['GNU.sparse.size', '8192'], ['GNU.sparse.numblocks', '3'], ...gnu0]), {
        path: 's',
        content: stored,
      }),
      0,
    ],
    [
      '0.1',
      tarArchive(
        paxHeader([
          ['GNU.sparse.size', '8192'],
          ['GNU.sparse.name', 's'],
          ['GNU.sparse.map', map.join(',')],
        ]),
        { path: 'GNUSparseFile.1/s', content: stored },
      ),
      0,
    ],
    [
      '1.0',
      tarArchive(
        paxHeader([
          ['GNU.sparse.major', '1'],
          ['GNU.sparse.minor', '0'],
          ['GNU.sparse.name', 's'],
          ['GNU.sparse.realsize', '8192'],
        ]),
        { path: 'GNUSparseFile.1/s', content: Buffer.concat([gnu1Map, stored]) },
      ),
      512,
    ],
    [
      'old',
      tarArchive({
        path: 's',
        type: 'S',
        magic: 'ustar  \0',
        content: stored,
        raw: { 386: map.map(octal).join(''), 483: octal('8192') },
      }),
      0,
    ],
  ];
  for (const [format, archive, mapBytes] of archives) {
    for (const pieceBytes of [archive.length, 1, 511]) {
      const [entry, ...rest] = readTar(archive, pieceBytes);
      t.is(rest.length, 0);
      t.like(entry, { path: byteStringOf('s'), size: 8192, kind: 'file' }, format);
      const start = entry?.contentOffset ?? 0;
      t.deepEqual(
        entry?.sparse?.map((piece) => [piece.fileOffset, piece.archiveOffset - start, piece.size]),
        wanted,
        format,
      );
      t.deepEqual(archive.subarray(start, start + stored.length), stored, format);
      t.is(start % 512, 0);
      t.true(mapBytes === 0 || start > 512 + mapBytes);
    }
  }
});

test('GNU sparse headers go on in extension blocks', (t) => {
  const ranges = Array.from({ length: 30 }, (_, index) => [index * 1024, 512] as const);
  const octal = (value: number) => `${value.toString(8).padStart(11, '0')}\0`;
  const structs = (from: number, to: number) =>
    ranges
      .slice(from, to)
      .map(([at, size]) => octal(at) + octal(size))
      .join('');
  const extension = (from: number, to: number, isExtended: boolean) => {
    const block = Buffer.alloc(512);
    block.write(structs(from, to), 'latin1');
    block[504] = isExtended ? 1 : 0;
    return block;
  };
  const archive = tarArchive(
    tarMemberBytes({
      type: 'S',
      magic: 'ustar  \0',
      size: 30 * 512,
      raw: { 386: structs(0, 4), 482: '\x01', 483: octal(30 * 1024) },
    }),
    extension(4, 25, true),
    extension(25, 30, false),
    Buffer.alloc(30 * 512, 'x'),
    { path: 'next' },
  );
  const [sparse, next] = readTar(archive, 100);
  t.is(sparse?.sparse?.length, 30);
  t.is(sparse?.contentOffset, 3 * 512);
  t.is(next === undefined ? '' : text(next), 'next');
});

test('an archive may end with zeros of any length, or without any', (t) => {
  const member = tarMemberBytes({ content: 'x' });
  const endings: readonly (readonly [number, string])[] = [
    [0, 'as cut off by tools that count on the member before'],
    [512, 'one block, as some writers leave'],
    [1024, 'POSIX'],
    [10_240, 'padded to a record'],
    [1500, 'not a whole block'],
  ];
  for (const [bytes, reason] of endings) {
    t.is(readTar(Buffer.concat([member, Buffer.alloc(bytes)])).length, 1, reason);
  }
  t.deepEqual(readTar(Buffer.alloc(1024)), [], 'an empty layer');
  t.deepEqual(readTar(Buffer.alloc(0)), [], 'no bytes at all');
});

test('the pieces that an archive comes in make no difference', (t) => {
  const archive = tarArchive(
    paxHeader([
      ['SCHILY.xattr.user.x', randomBytes(3000)],
      ['path', 'ä'.repeat(300)],
    ]),
    { content: randomBytes(5000) },
    gnuLongName('L', 'y'.repeat(700)),
    { content: 'z' },
    { type: '5', path: 'folder/' },
  );
  const whole = readTar(archive);
  for (const pieceBytes of [1, 2, 3, 511, 512, 513, 1000, 4096])
    t.deepEqual(readTar(archive, pieceBytes), whole);
});
