import type { Digest } from '@img/spec/digest';

/** One binary package of a Debian archive, as its signed index describes it. */
export type DebianPackage = {
  readonly name: string;
  readonly version: string;
  /** The part of it that an image gets, see `package-slice.ts`; absent for the whole. */
  readonly slice?: string | undefined;
  /** `amd64`, `arm64`, … or `all`. */
  readonly architecture: string;
  /** Name and version of the source package that it was built from. */
  readonly source: { readonly name: string; readonly version: string };
  /** The suite whose index lists it, for example `trixie-security`; says which archive holds the .deb. */
  readonly suite: string;
  /** Where the .deb is, relative to the archive's root. */
  readonly path: string;
  /** Size of the .deb in bytes. */
  readonly size: number;
  readonly digest: Digest;
};
