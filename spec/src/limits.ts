/**
 * Upper bounds on everything that is read from outside. All sizes are bytes unless the name says otherwise.
 * The reasons are with each value; a limit is part of the contract of the parser that uses it.
 */
export const limits = {
  /** Registries must accept manifests of 4 MiB (distribution-spec, "Pushing Manifests"). */
  manifestBytes: 4 * 1024 * 1024,
  /** Image configs are read whole; the largest seen in the wild are a few hundred kB of history. */
  imageConfigBytes: 8 * 1024 * 1024,
  /** A signature payload or bundle; cosign's own cap is larger, ours follows what a statement can need. */
  signatureBytes: 256 * 1024,
  /** Signatures looked at per image (endless data attack, TUF 1.5.2). */
  signaturesPerImage: 64,
  /** An attestation; lists of what is in a large image have tens of thousands of lines. */
  attestationBytes: 32 * 1024 * 1024,
  /** Attestations of one type looked at per image, and their bytes together. */
  attestationsPerType: 16,
  attestationsBytes: 64 * 1024 * 1024,
  /** Error bodies of a registry are read up to here, for the message. */
  errorBodyBytes: 64 * 1024,
  /** A token answer of an authorisation server. */
  tokenBodyBytes: 64 * 1024,
  /** One page of a tag, catalog or referrers list. */
  listBodyBytes: 8 * 1024 * 1024,
  /** Nesting of JSON objects and arrays. */
  jsonDepth: 64,
  /** Any string in a manifest that is not an annotation's value. */
  jsonStringCharacters: 4096,
  /** Nested indexes are followed this far. */
  indexDepth: 4,
  /** URLs in one descriptor, and features of one platform. */
  descriptorItems: 64,
  /** Manifests in one index. */
  indexManifests: 4096,
  /** Layers in one manifest; overlayfs stops at 500 and EROFS at its device table. */
  layers: 512,
  /** Host and repository name together (distribution-spec, "Pulling manifests"). */
  nameCharacters: 255,
  tagCharacters: 128,
  /** One page of a tag, catalog or referrers list, in entries; larger requests are clamped. */
  pageEntries: 10_000,
  /** Descriptor sizes must be exact in a double and below what any storage holds. */
  descriptorSize: Number.MAX_SAFE_INTEGER,
} as const;
