import type { Descriptor } from '@img/spec/descriptor';
import type { Digest } from '@img/spec/digest';
import type { RegistryHost } from '@img/spec/registry-host';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Tag } from '@img/spec/tag';

/** A manifest or index as bytes, with the descriptor that names them. */
export type ManifestContent = {
  /** mediaType, digest and size of the bytes. */
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
};

/** One repository of one registry. */
export type RepositoryLocation = { readonly registry: RegistryHost; readonly repository: RepositoryName };

/** A blob that is to be moved. */
export type BlobRequest = {
  readonly descriptor: Descriptor;
  /** Where the blob is known to be, so that a target in the same registry can take it over from there. */
  readonly origin?: RepositoryLocation;
  /** Digest of the uncompressed content, where the blob is a layer of an image whose config says so. */
  readonly diffId?: Digest;
};

export type ContentOptions = { readonly signal?: AbortSignal };

/** Opens a blob from a byte offset on, so that an interrupted transfer can go on where it stopped. */
export type OpenBlob = (offset: number, options: ContentOptions) => AsyncIterable<Uint8Array>;

/**
 * Where images come from: one repository of a registry, of the host's store, of an OCI layout or of an archive.
 * A contract test runs over every implementation.
 */
export type ContentSource = {
  /** How messages name it, for example `127.0.0.1:5000/com.example.app`. */
  readonly name: string;
  /** The repository that this content has in a registry, whether it is read from there or from a copy of it. */
  readonly origin?: RepositoryLocation;
  /** The manifest, its bytes checked against the digest asked for; undefined if there is none. */
  getManifest(reference: Tag | Digest, options?: ContentOptions): Promise<ManifestContent | undefined>;
  /** The bytes from the offset on, as they come: whoever reads them checks them with `verified`. */
  getBlob(
    descriptor: Descriptor,
    options?: ContentOptions & { readonly offset?: number },
  ): AsyncIterable<Uint8Array>;
  /** Descriptors of the manifests whose subject is the digest, artifactType and annotations filled in. */
  listReferrers(subject: Digest, options?: ContentOptions): Promise<readonly Descriptor[]>;
};

export type PutManifestOptions = ContentOptions & {
  readonly tag?: Tag;
  /**
   * What the tag means as far as the caller knows, null for nothing: if somebody changes it at the same time, one of
   * the two fails with RegistryError TAG_MOVED. Without it the last one wins.
   */
  readonly replaces?: Digest | null;
  /** Asked for by itself, not as part of another image: a target that collects garbage keeps it without a tag. */
  readonly isRoot?: boolean;
};

/** Where attachments can be taken back. */
export type ReferrerRemover = {
  /** Removes a manifest that is attached to a subject, also from lists; what is not there need not be removed. */
  removeReferrer(subject: Digest, referrer: Digest, options?: ContentOptions): Promise<void>;
};

/** Where images go to. Every put checks digest and size, is atomic and idempotent. */
export type ContentTarget = {
  readonly name: string;
  /** The digests among the requests' descriptors that need not be sent; one batch, asked in parallel. */
  presentBlobs(requests: readonly BlobRequest[], options?: ContentOptions): Promise<ReadonlySet<Digest>>;
  putBlob(request: BlobRequest, open: OpenBlob, options?: ContentOptions): Promise<void>;
  /** Stores a manifest after everything that it points at, and points the tag at it. */
  putManifest(content: ManifestContent, options?: PutManifestOptions): Promise<void>;
  /** The same for several tags; if one is refused, others may be there. Absent where that saves nothing. */
  putTagged?(content: ManifestContent, tags: readonly Tag[], options?: ContentOptions): Promise<void>;
  /** The manifest that is already there, to merge with (signatures) or to skip. */
  getManifest(reference: Tag | Digest, options?: ContentOptions): Promise<ManifestContent | undefined>;
};
