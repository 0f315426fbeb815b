import { randomBytes } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import {
  gnuLongName,
  paxHeader,
  type TarBytes,
  tarArchive,
  tarMemberBytes,
} from '@img/runtime/testing/tar-bytes';
import type { TestLayer } from '@img/runtime/testing/test-image';
import { digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';

/** A layer that goes on top of a good one, and how a host refuses the image. */
export type HostileLayer = {
  readonly name: string;
  /** @param outside a folder of the host that it may try to reach, without a leading slash */
  readonly make: (outside: string) => TestLayer;
  /** Another one, between the good layer and this one. */
  readonly makeLower?: (outside: string) => Uint8Array;
  readonly code: string;
  readonly message: RegExp;
};

type Members = readonly (TarBytes | Uint8Array)[];
const tar = (...members: Members) => tarArchive(...members);
const up = '../'.repeat(12);

/** Names that lead out of the image, or to where nothing may be. */
export const hostileNames: readonly HostileLayer[] = [
  {
    name: 'has a name with ..',
    make: (outside) => tar({ path: `${up}${outside}/file`, content: 'owned' }),
    code: 'ENTRY_PATH_INVALID',
    message: /the archive has a member that leads out of its folder: "\.\.\//,
  },
  {
    name: 'has .. in the middle of a name, given in a PAX header',
    make: (outside) => tar(paxHeader([['path', `etc/${up}${outside}/file`]]), { content: 'owned' }),
    code: 'ENTRY_PATH_INVALID',
    message: /leads out of its folder: "etc\/\.\.\//,
  },
  {
    name: 'has .. in a long name of GNU tar',
    make: (outside) => tar(gnuLongName('L', `./${up}${outside}/file`), { content: 'owned' }),
    code: 'ENTRY_PATH_INVALID',
    message: /leads out of its folder: "\.\/\.\.\//,
  },
  {
    name: 'writes through a symbolic link of its own',
    make: (outside) =>
      tar({ path: 'door', type: '2', link: `/${outside}` }, { path: 'door/file', content: 'owned' }),
    code: 'ENTRY_THROUGH_LINK',
    message: /door/,
  },
  {
    name: 'writes through a symbolic link of a lower layer',
    makeLower: (outside) => tar({ path: 'door', type: '2', link: `/${outside}` }),
    make: () => tar({ path: 'door/file', content: 'owned' }),
    code: 'ENTRY_THROUGH_LINK',
    message: /door/,
  },
  {
    name: 'writes through a symbolic link with .. to a folder of the host',
    make: (outside) =>
      tar({ path: 'a/b', type: '2', link: `${up}${outside}` }, { path: 'a/b/file', content: 'owned' }),
    code: 'ENTRY_THROUGH_LINK',
    message: /a\/b/,
  },
  {
    name: 'removes a file through a symbolic link of a lower layer',
    makeLower: (outside) => tar({ path: 'door', type: '2', link: `/${outside}` }),
    make: () => tar({ path: 'door/.wh.file' }),
    code: 'ENTRY_THROUGH_LINK',
    message: /door/,
  },
  {
    name: 'has a hard link with ..',
    make: (outside) => tar({ path: 'stolen', type: '1', link: `${up}${outside}/file` }),
    code: 'ENTRY_LINK_INVALID',
    message: /the hard link "stolen" to "\.\.\/.*", which leads out of the image/,
  },
  {
    name: 'has a hard link to a file of the host by its whole name',
    make: (outside) => tar({ path: 'stolen', type: '1', link: `/${outside}/file` }),
    code: 'ENTRY_LINK_INVALID',
    message: /stolen/,
  },
  {
    name: 'has a hard link through a symbolic link',
    make: (outside) =>
      tar({ path: 'door', type: '2', link: `/${outside}` }, { path: 'stolen', type: '1', link: 'door/file' }),
    code: 'ENTRY_LINK_INVALID',
    message: /stolen/,
  },
  {
    name: 'has a hard link to a folder',
    make: () => tar({ path: 'folder/', type: '5' }, { path: 'again', type: '1', link: 'folder' }),
    code: 'ENTRY_LINK_INVALID',
    message: /again/,
  },
  {
    name: 'removes the folder that it is in',
    make: () => tar({ path: 'etc/.wh..' }),
    code: 'ENTRY_WHITEOUT_INVALID',
    message: /has a whiteout of a folder that it is in: "etc\/\.wh\.\."/,
  },
  {
    name: 'removes the parent of the image',
    make: () => tar({ path: '.wh...' }),
    code: 'ENTRY_WHITEOUT_INVALID',
    message: /has a whiteout of a folder that it is in: "\.wh\.\.\."/,
  },
  {
    name: 'removes nothing by name',
    make: () => tar({ path: 'etc/.wh.' }),
    code: 'ENTRY_WHITEOUT_INVALID',
    message: /has a whiteout of a folder that it is in: "etc\/\.wh\."/,
  },
  {
    name: 'has something below what it removes',
    make: () => tar({ path: '.wh.bin/file' }),
    code: 'ENTRY_WHITEOUT_INVALID',
    message: /has something below a whiteout: "\.wh\.bin\/file"/,
  },
  {
    name: 'has a file in the place of the root folder',
    make: () => tar({ path: './', type: '0', content: 'x' }),
    code: 'ENTRY_PATH_INVALID',
    message: /has a file where the root folder of the image is/,
  },
  {
    name: 'has a NUL in a name',
    make: () => tar(paxHeader([['path', 'harmless\0.exe']]), {}),
    code: 'ARCHIVE_INVALID',
    message: /a PAX header has "harmless\\u0000\.exe" as "path"$/,
  },
  {
    name: 'has a name that no file system holds',
    make: () => tar(paxHeader([['path', 'x'.repeat(256)]]), {}),
    code: 'ENTRY_PATH_INVALID',
    message: /a name of 256 bytes, more than the 255 that file systems hold/,
  },
  {
    name: 'has a path that is longer than the kernel takes',
    make: () => tar(paxHeader([['path', 'deep/'.repeat(1000)]]), {}),
    code: 'ARCHIVE_LIMIT',
    message: /4096|5000/,
  },
  {
    name: 'has a device that Linux has not',
    make: () => tar({ path: 'dev/disk', type: '4', device: [0x1000, 0] }),
    code: 'ENTRY_DEVICE_INVALID',
    message: /the device 4096:0 at "dev\/disk", which Linux can't have/,
  },
  {
    name: 'has the device that overlayfs takes for a removal',
    make: () => tar({ path: 'bin/busybox', type: '3', device: [0, 0] }),
    code: 'ENTRY_DEVICE_INVALID',
    message: /the device 0:0 at "bin\/busybox", which overlayfs takes for the removal of a file/,
  },
];

/** Sizes that are not what they seem, and archives that are none. */
export const hostileSizes: readonly HostileLayer[] = [
  {
    name: 'declares a file of four petabytes',
    make: () => tar({ path: 'huge', size: 2 ** 52 }),
    code: 'ARCHIVE_LIMIT',
    message: /huge/,
  },
  {
    name: 'declares a file that is longer than the archive',
    make: () => tarMemberBytes({ path: 'short', size: 2 ** 33 }),
    code: 'ARCHIVE_TRUNCATED',
    message: /./,
  },
  {
    name: 'declares a file of negative length',
    make: () => tar({ path: 'negative', size: -512 }),
    code: 'ARCHIVE_LIMIT',
    message: /negative/,
  },
  {
    name: 'has a PAX header of a terabyte',
    make: () => tarMemberBytes({ type: 'x', size: 2 ** 40 }),
    code: 'ARCHIVE_LIMIT',
    message: /./,
  },
  {
    name: 'has a sparse file whose pieces overlap',
    make: () => tar(...sparse('0,512,256,512', 1024)),
    code: 'ARCHIVE_INVALID',
    message: /sparse/,
  },
  {
    name: 'has a sparse file with more in its map than is stored',
    make: () => tar(...sparse('0,512,1024,512', 512)),
    code: 'ARCHIVE_INVALID',
    message: /sparse/,
  },
  {
    name: 'has a changed header',
    make: () => {
      const archive = tar({ path: 'file' });
      archive[1] = 0x41;
      return archive;
    },
    code: 'ARCHIVE_INVALID',
    message: /./,
  },
  {
    name: 'hides a second archive after its end',
    make: () => Buffer.concat([tar({ path: 'seen' }), tar({ path: 'hidden' })]),
    code: 'ARCHIVE_INVALID',
    message: /./,
  },
  {
    name: 'is a web page',
    make: () => Buffer.alloc(1024, '<html>'),
    code: 'ARCHIVE_INVALID',
    message: /./,
  },
  {
    name: 'is compressed, which its type does not say',
    make: () => gzipSync(tar({ path: 'file', content: randomBytes(2000) })),
    code: 'ARCHIVE_INVALID',
    message: /./,
  },
  {
    name: 'is not compressed with gzip, as its type says',
    make: () => compressed(mediaTypes.ociLayerGzip, tar({ path: 'file' }), (bytes) => bytes),
    code: 'COMPRESSED_INVALID',
    message: /gzip/,
  },
  {
    name: 'has rubbish after its gzip stream',
    make: () =>
      compressed(mediaTypes.ociLayerGzip, tar({ path: 'file' }), (bytes) =>
        Buffer.concat([gzipSync(bytes), Buffer.from('rubbish')]),
      ),
    code: 'COMPRESSED_INVALID',
    message: /gzip/,
  },
  {
    name: 'wants four gigabytes of memory to be decompressed',
    // Frame header of RFC 8878: magic, no size, window of 2^32 bytes; then one empty last block.
    make: () =>
      compressed(mediaTypes.ociLayerZstd, tar({ path: 'file' }), () =>
        Buffer.from('28b52ffd00b0010000', 'hex'),
      ),
    code: 'COMPRESSED_INVALID',
    message: /zstd/,
  },
  {
    name: 'decompresses to another archive than the config names',
    make: () =>
      compressed(mediaTypes.ociLayerZstd, tar({ path: 'file' }), () =>
        zstdCompressSync(tar({ path: 'other' })),
      ),
    code: 'LAYER_MISMATCH',
    message: /decompresses to sha256:\w+ instead of sha256:\w+, as the image's config has it/,
  },
];

function sparse(map: string, storedBytes: number): Members {
  const header = paxHeader([
    ['GNU.sparse.map', map],
    ['GNU.sparse.size', '2048'],
    ['GNU.sparse.name', 'sparse'],
  ]);
  return [header, { content: Buffer.alloc(storedBytes, 'x') }];
}

function compressed(
  mediaType: string,
  archive: Uint8Array,
  compress: (bytes: Uint8Array) => Uint8Array,
): TestLayer {
  return { mediaType, bytes: compress(archive), diffId: digestOf(archive) };
}
