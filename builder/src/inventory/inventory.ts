import type { Digest } from '@img/spec/digest';

/** A package that is in an image. */
export type FoundPackage = {
  /** What kind of package it is. */
  readonly type: 'apk' | 'deb' | 'jar' | 'npm' | 'pypi';
  readonly name: string;
  /** Empty if nothing says it. */
  readonly version: string;
  readonly architecture: string | undefined;
  /** The part of it that is there, where not all of it is. */
  readonly part: string | undefined;
  /** Of a distribution's package: what it was built from. */
  readonly source: string | undefined;
  /** The file that says so, in the image. */
  readonly path: string;
  /** diffID of the layer that has it. */
  readonly layer: Digest;
};

/** A file of an image, for comparing. */
export type FoundFile = {
  readonly sizeBytes: number;
  readonly layer: Digest;
  /** Of its content; undefined unless it was asked for. */
  readonly digest: Digest | undefined;
};

/** What is in an image. */
export type Inventory = {
  /** `ID` and `VERSION_ID` of its os-release; undefined if it has none. */
  readonly system: { readonly id: string; readonly version: string } | undefined;
  /** Sorted by type, name and version. */
  readonly packages: readonly FoundPackage[];
  /** By path, without a leading slash. */
  readonly files: ReadonlyMap<string, FoundFile>;
};
