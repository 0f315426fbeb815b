/** An OpenPGP key that may sign an archive's indexes. */
export type ArchiveKey = {
  /** Upper-case hex of the primary key's fingerprint; the armored key must have exactly this one. */
  readonly fingerprint: string;
  /** How messages name it, for example `Debian Archive Automatic Signing Key (13/trixie)`. */
  readonly name: string;
  /** ASCII-armored public key. */
  readonly armored: string;
};
