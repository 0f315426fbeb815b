import type { Digest } from '@img/spec/digest';

/** One binary package of a Debian archive, as its signed index describes it. */
export type DebianPackage = {
  readonly name: string;
  readonly version: string;
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
