import type {
  BlobRequest,
  ContentSource,
  ContentTarget,
  ManifestContent,
  OpenBlob,
  PutManifestOptions,
} from '@img/registry/transfer/content';
import { collect } from '@img/spec/collect';
import type { Descriptor } from '@img/spec/descriptor';
import { type Digest, isDigest } from '@img/spec/digest';
import { artifactTypeOf, parseManifest } from '@img/spec/manifest';
import type { Tag } from '@img/spec/tag';

/** A repository in memory, whose content a test may change behind everybody's back. */
export class MemoryRepository implements ContentSource, ContentTarget {
  readonly name: string;
  readonly manifests = new Map<Digest, ManifestContent>();
  readonly blobs = new Map<Digest, Uint8Array>();
  readonly tags = new Map<Tag, Digest>();
  /** What was asked for, in order. */
  readonly requests: string[] = [];

  constructor(name: string) {
    this.name = name;
  }

  getManifest(reference: Tag | Digest): Promise<ManifestContent | undefined> {
    this.requests.push(`manifest ${reference}`);
    const digest = isDigest(reference) ? reference : this.tags.get(reference);
    return Promise.resolve(digest === undefined ? undefined : this.manifests.get(digest));
  }

  async *getBlob({ digest }: Descriptor): AsyncGenerator<Uint8Array> {
    this.requests.push(`blob ${digest}`);
    const bytes = this.blobs.get(digest);
    if (bytes === undefined) throw new Error(`${this.name} has no blob ${digest}`);
    yield bytes;
  }

  listReferrers(subject: Digest): Promise<readonly Descriptor[]> {
    return Promise.resolve(
      [...this.manifests.values()].flatMap(({ descriptor, bytes }) => {
        const manifest = parseManifest(bytes);
        if (manifest.subject?.digest !== subject) return [];
        const artifactType = artifactTypeOf(manifest);
        const { annotations } = manifest;
        return [{ ...descriptor, annotations, ...(artifactType === undefined ? {} : { artifactType }) }];
      }),
    );
  }

  presentBlobs(requests: readonly BlobRequest[]): Promise<ReadonlySet<Digest>> {
    const digests = requests.map(({ descriptor }) => descriptor.digest);
    return Promise.resolve(new Set(digests.filter((digest) => this.blobs.has(digest))));
  }

  async putBlob({ descriptor }: BlobRequest, open: OpenBlob): Promise<void> {
    this.blobs.set(descriptor.digest, await collect(open(0, {}), descriptor.size, 'blob'));
  }

  putManifest(content: ManifestContent, { tag }: PutManifestOptions = {}): Promise<void> {
    this.manifests.set(content.descriptor.digest, content);
    if (tag !== undefined) this.tags.set(tag, content.descriptor.digest);
    return Promise.resolve();
  }
}
