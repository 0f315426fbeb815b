import { limits } from '@img/spec/limits';

/** How many signatures of each encoding are read: one more than is looked at, so that a decision can tell. */
export const maxSignaturesRead = limits.signaturesPerImage + 1;

/** A signature in cosign's simple signing format: one layer of the manifest under `sha256-<hex>.sig`. */
export type SimpleSignature = {
  /** The exact bytes that were signed. */
  readonly payload: Uint8Array;
  /** Standard base64, from the layer's annotation; unparsed. */
  readonly signature: string;
  /** The fingerprint that the layer names its key by, unverified; other tools write none. */
  readonly keyHint?: string | undefined;
  /** For ssh-keygen, over the same bytes; no decision looks at it. */
  readonly sshSignature?: string | undefined;
};

/** Everything that was found attached to one digest, as bytes, unverified. */
export type Evidence = {
  readonly simpleSignatures: readonly SimpleSignature[];
  /** Sigstore bundles (v0.3), each the blob of one referrer. */
  readonly bundles: readonly Uint8Array[];
  /** For each of the bundles the proof that it is in a log, as it came with it, unverified; absent if none has one. */
  readonly proofs?: readonly (string | undefined)[];
  /** For each of the bundles the signature for ssh-keygen that came with it, like proofs. */
  readonly sshSignatures?: readonly (string | undefined)[];
  /** Bundles with statements of other types about the digest, such as how it was built; those that were asked for. */
  readonly attestations?: readonly Uint8Array[];
};
