/** A member of a zip archive, as its central directory describes it. */
export type ZipEntry = {
  /** Relative, `/` between the parts, none at either end. */
  readonly path: string;
  readonly isFolder: boolean;
  /** Whether its owner may execute it, where the archive says so. */
  readonly isExecutable: boolean;
  readonly method: 'stored' | 'deflated';
  readonly crc32: number;
  readonly packedBytes: number;
  readonly sizeBytes: number;
  /** Where its local header is. */
  readonly offset: number;
};
