import test from 'ava';
import fc from 'fast-check';
import { RuntimeError, type RuntimeErrorCode } from '../runtime-error.ts';
import { readTar } from '../testing/read-tar.ts';
import { gnuLongName, paxHeader, tarArchive, tarMemberBytes, writeChecksum } from '../testing/tar-bytes.ts';

const refused: readonly (readonly [RuntimeErrorCode, string, () => Uint8Array])[] = [
  ['ARCHIVE_TRUNCATED', 'within a header', () => tarMemberBytes({}).subarray(0, 300)],
  [
    'ARCHIVE_TRUNCATED',
    'within a content',
    () => tarMemberBytes({ content: 'x'.repeat(600) }).subarray(0, 1000),
  ],
  [
    'ARCHIVE_TRUNCATED',
    'within the padding of a content',
    () => tarMemberBytes({ content: 'x' }).subarray(0, 513),
  ],
  ['ARCHIVE_TRUNCATED', 'within a PAX header', () => paxHeader([['path', 'x']]).subarray(0, 600)],
  ['ARCHIVE_TRUNCATED', 'after a PAX header, before its member', () => paxHeader([['path', 'x']])],
  ['ARCHIVE_TRUNCATED', 'after a GNU long name, before its member', () => gnuLongName('L', 'x')],
  ['ARCHIVE_TRUNCATED', 'a content of which nothing is there', () => tarMemberBytes({ size: 10 })],
  [
    'ARCHIVE_INVALID',
    'the end before the member of a PAX header',
    () => tarArchive(paxHeader([['path', 'x']])),
  ],
  ['ARCHIVE_INVALID', 'data after the end', () => Buffer.concat([tarArchive({}), Buffer.from('x')])],
  [
    'ARCHIVE_INVALID',
    'another archive after the end',
    () => Buffer.concat([tarArchive({}), tarArchive({ path: 'hidden' })]),
  ],
  [
    'ARCHIVE_INVALID',
    'a member after one block of zeros',
    () => Buffer.concat([Buffer.alloc(512), tarMemberBytes({})]),
  ],
  [
    'ARCHIVE_INVALID',
    'a changed byte in a header',
    () => {
      const bytes = tarArchive({});
      bytes[5] = 0x41;
      return bytes;
    },
  ],
  ['ARCHIVE_INVALID', 'no tar at all', () => Buffer.alloc(1024, '<html>')],
  ['ARCHIVE_INVALID', 'a size that is no number', () => tarArchive({ raw: { 124: '12x45678901\0' } })],
  ['ARCHIVE_INVALID', 'a digit that is not octal', () => tarArchive({ raw: { 124: '00000000008\0' } })],
  [
    'ARCHIVE_INVALID',
    'something after the end of a number',
    () => tarArchive({ raw: { 124: '7\x007\0\0\0\0\0\0\0\0\0' } }),
  ],
  [
    'ARCHIVE_INVALID',
    'a number past 2^53',
    () => tarArchive({ raw: { 124: Buffer.concat([Buffer.from([0x80]), Buffer.alloc(11, 0xff)]) } }),
  ],
  ['ARCHIVE_LIMIT', 'a negative size', () => tarArchive({ size: -1 })],
  ['ARCHIVE_LIMIT', 'a size past every disk', () => tarArchive({ size: 2 ** 52 })],
  ['ARCHIVE_INVALID', 'a negative owner', () => tarArchive({ uid: -2 })],
  ['ARCHIVE_INVALID', 'the owner that means none to the kernel', () => tarArchive({ gid: 0xffffffff })],
  ['ARCHIVE_INVALID', 'an owner past 32 bits', () => tarArchive(paxHeader([['uid', '4294967296']]), {})],
  ['ARCHIVE_UNSUPPORTED', 'a volume label', () => tarArchive({ type: 'V' })],
  ['ARCHIVE_UNSUPPORTED', 'a GNU dump folder', () => tarArchive({ type: 'D' })],
  ['ARCHIVE_UNSUPPORTED', 'a multi-volume rest', () => tarArchive({ type: 'M' })],
  ['ARCHIVE_UNSUPPORTED', 'an unknown type', () => tarArchive({ type: 'Z' })],
  [
    'ARCHIVE_UNSUPPORTED',
    'a sparse format to come',
    () =>
      tarArchive(
        paxHeader([
          ['GNU.sparse.major', '2'],
          ['GNU.sparse.minor', '0'],
        ]),
        {},
      ),
  ],
  ['ARCHIVE_LIMIT', 'a long name past 1 MiB', () => tarMemberBytes({ type: 'L', size: 2 ** 21 })],
  ['ARCHIVE_LIMIT', 'a PAX header past 1 MiB', () => tarMemberBytes({ type: 'x', size: 2 ** 40 })],
  ['ARCHIVE_LIMIT', 'a PAX header of negative size', () => tarMemberBytes({ type: 'x', size: -512 })],
  [
    'ARCHIVE_LIMIT',
    'a name longer than paths can be',
    () => tarArchive(paxHeader([['path', 'x'.repeat(4096)]]), {}),
  ],
  [
    'ARCHIVE_LIMIT',
    'a link target longer than paths can be',
    () => tarArchive(gnuLongName('K', 'x'.repeat(4096)), { type: '2' }),
  ],
  [
    'ARCHIVE_LIMIT',
    'global records without end',
    () => tarArchive(...Array.from({ length: 3 }, () => paxHeader([['comment', 'x'.repeat(500_000)]], 'g'))),
  ],
  [
    'ARCHIVE_LIMIT',
    'an attribute longer than its size field',
    () => tarArchive(paxHeader([['SCHILY.xattr.user.x', Buffer.alloc(65_536)]]), {}),
  ],
  [
    'ARCHIVE_LIMIT',
    'an attribute with a name of 256 bytes',
    () => tarArchive(paxHeader([[`SCHILY.xattr.user.${'x'.repeat(251)}`, '']]), {}),
  ],
  ['ARCHIVE_LIMIT', 'an attribute without a name', () => tarArchive(paxHeader([['SCHILY.xattr.', 'x']]), {})],
  [
    'ARCHIVE_LIMIT',
    'attributes of more than 64 kB together',
    () =>
      tarArchive(
        paxHeader([
          ['SCHILY.xattr.user.a', Buffer.alloc(40_000)],
          ['SCHILY.xattr.user.b', Buffer.alloc(40_000)],
        ]),
        {},
      ),
  ],
  [
    'ARCHIVE_LIMIT',
    'too many attributes',
    () =>
      tarArchive(
        paxHeader(Array.from({ length: 1025 }, (_, index) => [`SCHILY.xattr.user.${index}`, ''])),
        {},
      ),
  ],
  [
    'ARCHIVE_INVALID',
    'an attribute that is no base64',
    () => tarArchive(paxHeader([['LIBARCHIVE.xattr.user.x', '!!']]), {}),
  ],
  [
    'ARCHIVE_INVALID',
    'two PAX headers for a member',
    () => tarArchive(paxHeader([['uid', '1']]), paxHeader([['gid', '1']]), {}),
  ],
  [
    'ARCHIVE_INVALID',
    'two long names for a member',
    () => tarArchive(gnuLongName('L', 'a'), gnuLongName('L', 'b'), {}),
  ],
  [
    'ARCHIVE_INVALID',
    'a PAX and a GNU name for a member',
    () => tarArchive(gnuLongName('L', 'a'), paxHeader([['path', 'b']]), {}),
  ],
  ['ARCHIVE_INVALID', 'a NUL in a PAX path', () => tarArchive(paxHeader([['path', 'a\0b']]), {})],
  ['ARCHIVE_INVALID', 'a PAX number that is none', () => tarArchive(paxHeader([['uid', '0x10']]), {})],
  ['ARCHIVE_INVALID', 'a negative PAX size', () => tarArchive(paxHeader([['size', '-1']]), {})],
  ['ARCHIVE_INVALID', 'a PAX time that is none', () => tarArchive(paxHeader([['mtime', '1e9']]), {})],
  [
    'ARCHIVE_INVALID',
    'a PAX record longer than its header',
    () => tarArchive({ type: 'x', content: '99 path=x\n' }, {}),
  ],
  [
    'ARCHIVE_INVALID',
    'a PAX record without a line end',
    () => tarArchive({ type: 'x', content: '10 path=xy' }, {}),
  ],
  [
    'ARCHIVE_INVALID',
    'a PAX record without a length',
    () => tarArchive({ type: 'x', content: 'path=x\n' }, {}),
  ],
  ['ARCHIVE_INVALID', 'a PAX record without a key', () => tarArchive({ type: 'x', content: '6 =xy\n' }, {})],
  [
    'ARCHIVE_INVALID',
    'a PAX record of no length',
    () => tarArchive({ type: 'x', content: '0 path=x\n' }, {}),
  ],
  [
    'ARCHIVE_INVALID',
    'a PAX record with a negative length',
    () => tarArchive({ type: 'x', content: '-5 path=x\n' }, {}),
  ],
  ['ARCHIVE_INVALID', 'a NUL in a PAX key', () => tarArchive(paxHeader([['pa\0th', 'x']]), {})],
  [
    'ARCHIVE_INVALID',
    'a sparse map for all members',
    () =>
      tarArchive(
        paxHeader(
          [
            ['GNU.sparse.map', '0,1'],
            ['GNU.sparse.size', '1'],
          ],
          'g',
        ),
        {},
      ),
  ],
  ['ARCHIVE_INVALID', 'overlapping pieces of a sparse file', () => sparse('0,512,256,512', 1024)],
  ['ARCHIVE_INVALID', 'pieces out of order', () => sparse('1024,512,0,512', 1024)],
  ['ARCHIVE_INVALID', 'a piece past the end of the file', () => sparse('1000,512', 512)],
  ['ARCHIVE_INVALID', 'more in the map than is stored', () => sparse('0,512,1024,300', 512)],
  ['ARCHIVE_INVALID', 'more stored than is in the map', () => sparse('0,512', 1024)],
  ['ARCHIVE_INVALID', 'an offset without a size', () => sparse('0', 0)],
  ['ARCHIVE_INVALID', 'an empty map entry', () => sparse('0,', 0)],
  [
    'ARCHIVE_INVALID',
    'a size before its offset',
    () =>
      tarArchive(
        paxHeader([
          ['GNU.sparse.numbytes', '1'],
          ['GNU.sparse.size', '1'],
        ]),
        {},
      ),
  ],
  [
    'ARCHIVE_LIMIT',
    'a sparse file past every disk',
    () =>
      tarArchive(
        paxHeader([
          ['GNU.sparse.size', String(2 ** 45)],
          ['GNU.sparse.map', ''],
        ]),
        {},
      ),
  ],
  [
    'ARCHIVE_INVALID',
    'a negative size in an old sparse map',
    () => oldSparse([0, 600], [700, -88], 512, 1024),
  ],
  [
    'ARCHIVE_INVALID',
    'a negative offset in an old sparse map',
    () => oldSparse([-512, 512], [0, 0], 512, 1024),
  ],
  ['ARCHIVE_LIMIT', 'a negative size of an old sparse file', () => oldSparse([0, 0], [0, 0], 0, -1)],
  [
    'ARCHIVE_INVALID',
    'a sparse map of a folder',
    () =>
      tarArchive(
        paxHeader([
          ['GNU.sparse.map', ''],
          ['GNU.sparse.size', '0'],
        ]),
        { type: '5' },
      ),
  ],
  [
    'ARCHIVE_LIMIT',
    'a sparse file of too many pieces',
    () => sparse(Array.from({ length: 131_080 }, () => '0').join(','), 0),
  ],
  ['ARCHIVE_LIMIT', 'a map that announces too many pieces', () => sparse1('65537\n')],
  [
    'ARCHIVE_INVALID',
    'a map before the content that is longer than it',
    () => sparse1(`2\n${'0'.repeat(10)}\n`, 512),
  ],
  ['ARCHIVE_INVALID', 'a map before the content without numbers', () => sparse1('x\n')],
  ['ARCHIVE_INVALID', 'a map before the content without line ends', () => sparse1('1'.repeat(512), 1024)],
];

function sparse(map: string, size: number): Buffer {
  return tarArchive(
    paxHeader([
      ['GNU.sparse.size', '1024'],
      ['GNU.sparse.name', 's'],
      ['GNU.sparse.map', map],
    ]),
    {
      content: Buffer.alloc(size),
    },
  );
}

function oldSparse(
  first: readonly [number, number],
  second: readonly [number, number],
  stored: number,
  size: number,
): Buffer {
  const numbers = [...first, ...second].map((value) => {
    const field = Buffer.alloc(12, value < 0 ? 0xff : 0);
    field.writeInt32BE(value, 8);
    field[0] = (field[0] ?? 0) | 0x80;
    return field;
  });
  const realSize = Buffer.alloc(12, size < 0 ? 0xff : 0);
  realSize.writeInt32BE(size, 8);
  realSize[0] = (realSize[0] ?? 0) | 0x80;
  return tarArchive({
    type: 'S',
    magic: 'ustar  \0',
    content: Buffer.alloc(stored),
    raw: { 386: Buffer.concat(numbers), 483: realSize },
  });
}

function sparse1(map: string, size = 512): Buffer {
  const content = Buffer.alloc(size, '0');
  content.write(map);
  return tarArchive(
    paxHeader([
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.realsize', '1024'],
      ['GNU.sparse.name', 's'],
    ]),
    { content },
  );
}

for (const [code, reason, make] of refused) {
  test(`TarReader refuses ${reason}`, (t) => {
    const archive = make();
    for (const pieceBytes of [archive.length, 997]) {
      const error = t.throws(() => readTar(archive, pieceBytes), { instanceOf: RuntimeError, code });
      t.notRegex(error.message, /\p{Cc}/u);
    }
  });
}

test('TarReader never fails with anything but its own errors on changed archives', (t) => {
  const archive = tarArchive(
    paxHeader([
      ['SCHILY.xattr.user.x', 'value'],
      ['mtime', '1.5'],
    ]),
    { content: 'content' },
    gnuLongName('K', 'target'.repeat(30)),
    { type: '2' },
    paxHeader([
      ['GNU.sparse.map', '0,1'],
      ['GNU.sparse.size', '5'],
    ]),
    { content: 'x' },
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(archive.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      fc.boolean(),
      (changes, isFixed) => {
        const changed = Buffer.from(archive);
        for (const [at, byte] of changes) changed[at] = byte;
        if (isFixed) fixChecksums(changed);
        try {
          readTar(changed, 700);
        } catch (error) {
          t.true(error instanceof RuntimeError, String(error));
        }
      },
    ),
    { numRuns: 2000 },
  );
});

// So that changes get past the first check.
function fixChecksums(archive: Buffer): void {
  for (let at = 0; at + 512 <= archive.length; at += 512) {
    const block = archive.subarray(at, at + 512);
    if (block.toString('latin1', 257, 262) !== 'ustar') continue;
    writeChecksum(block);
  }
}

test('global headers and their attributes cost linear time', (t) => {
  const started = process.cpuUsage();
  const globals = Array.from({ length: 20_000 }, (_, index) =>
    paxHeader([['SCHILY.xattr.user.x', String(index)]], 'g'),
  );
  const entries = readTar(
    tarArchive(...globals, ...Array.from({ length: 20_000 }, () => tarMemberBytes({}))),
  );
  t.is(entries.length, 20_000);
  t.log(`40,000 headers in ${process.cpuUsage(started).user / 1000} ms`);
});
