/**
 * How the index of a suite is kept on disk: what the resolver needs of each package, found by name without
 * reading the rest. Numbers are 32-bit in the machine's byte order, since the file is a cache of this machine:
 *
 *     header          {@link headerWords} numbers, then the SHA-256 of all that follows
 *     name ends       for each name, where it ends in the names' bytes
 *     entry ends      for each package, where its text ends in the entries' bytes
 *     version ends    for each name, where its packages end in the list of packages by name
 *     versions        that list: numbers of packages
 *     provider ends   for each name, where its providers end in the list of providers
 *     providers       that list: numbers of packages
 *     slots           hash table: number of a name plus one, or 0
 *     names, entries  bytes
 *
 * Names are numbered in the order in which the index mentions them first, in any field, since that is how apt
 * breaks a tie between providers.
 */
export const indexMagic = 0x696d6701;

/** Changes with everything that changes the file's meaning; older files are then made again. */
export const indexVersion = 1;

/** magic, version, then the counts of {@link IndexCounts} in its order. */
export const headerWords = 8;

export const checksumBytes = 32;

export type IndexCounts = {
  readonly names: number;
  readonly entries: number;
  readonly providers: number;
  /** A power of two. */
  readonly slots: number;
  readonly nameBytes: number;
  readonly entryBytes: number;
};

/** The fields of an entry, in this order, each ended by a line break. */
export const entryFields = [
  'package',
  'version',
  'architecture',
  'multi-arch',
  'priority',
  'essential',
  'protected',
  'important',
  'source',
  'filename',
  'size',
  'sha256',
  'pre-depends',
  'depends',
  'conflicts',
  'breaks',
  'provides',
  'recommends',
  'suggests',
] as const;

export type EntryField = (typeof entryFields)[number];

/** FNV-1a, 32 bits. */
export function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index += 1) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}
