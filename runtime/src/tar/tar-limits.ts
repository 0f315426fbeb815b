/** Upper bounds of what the tar reader accepts; sizes are bytes. */
export const tarLimits = {
  /** Body of a PAX header or of a GNU long name; Go's reader, which other runtimes use, has the same bound. */
  metadataBytes: 1024 * 1024,
  /** All records of global PAX headers together, because they stay in memory. */
  globalMetadataBytes: 1024 * 1024,
  /** PATH_MAX of Linux, with its final NUL. */
  nameBytes: 4096,
  /** XATTR_NAME_MAX of Linux. */
  xattrNameBytes: 255,
  /** The size field of an attribute in EROFS has 16 bits. */
  xattrValueBytes: 65_535,
  /** Names and values of one file together; XATTR_LIST_MAX of Linux for the names alone. */
  xattrsBytes: 65_536,
  /** Attributes of one file. */
  xattrs: 1024,
  /** Pieces of one sparse file. */
  sparsePieces: 65_536,
  /** One archive; an index entry takes some 50 bytes, so this also bounds memory. */
  entries: 2_000_000,
  /** One file, and so one chunk in EROFS: 2^31 blocks of 512 bytes. */
  fileBytes: 2 ** 40,
} as const;
