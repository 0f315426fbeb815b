import { attachmentSubject } from '@img/registry/transfer/attachment-tag';
import type { ManifestContent } from '@img/registry/transfer/content';
import { CodedError } from '@img/spec/coded-error';
import type { Descriptor } from '@img/spec/descriptor';
import { type Digest, isDigest } from '@img/spec/digest';
import { childrenOf, parseManifest } from '@img/spec/manifest';
import { isIndexMediaType, isManifestMediaType } from '@img/spec/media-types';
import type { ProgressListener } from '@img/spec/progress';
import { formatReference, type Reference } from '@img/spec/reference';
import { referrersTag } from '@img/spec/routes';
import type { Tag } from '@img/spec/tag';
import { verified } from '@img/spec/verified';
import { type FetchOptions, layersOf } from './fetch-layers.ts';
import type { Host } from './host.ts';
import { detailedHostPlatform } from './launch/host-platform.ts';
import type { CheckedLayer } from './layers/check-layer.ts';
import { isDamage } from './name-damage.ts';
import { type PlatformImage, readImage } from './read-image.ts';
import { RuntimeError } from './runtime-error.ts';
import { examineTree } from './tree/examine-tree.ts';

/** Something of an image on this host that is not what it was, or is gone. */
export type Fault = {
  /** What repairs it: `content` a registry, `layer` that or a compressed copy, a tree the layers. */
  readonly kind: 'content' | 'layer' | 'image' | 'checkout';
  /** Of the manifest, blob or layer (its diffID); of the image's manifest for a tree. Undefined for a name. */
  readonly digest: Digest | undefined;
  readonly message: string;
};

/** What was found of an image on this host, all of which was read. */
export type Examination = {
  /** What the reference leads to; undefined if that can't be read. */
  readonly content: ManifestContent | undefined;
  /** Undefined if it can't be read, or is none for this host. */
  readonly image: PlatformImage | undefined;
  /** How many pieces were read: manifests, configs and signatures; layers; trees. */
  readonly blobs: number;
  readonly layers: number;
  readonly trees: number;
  readonly faults: readonly Fault[];
};

/**
 * Reads everything that this host has of an image, whatever stamps say, and compares it with the digests that lead to
 * it: names, manifests, configs, signatures and what else is attached; every layer and its index; every tree. What is
 * damaged is checked by the next start, too, which then refuses it.
 *
 * @throws RuntimeError IMAGE_MISSING; SpecError for a manifest or config that is what was pushed, and none
 */
export async function examineImage(
  reference: Reference,
  host: Host,
  options: FetchOptions = {},
): Promise<Examination> {
  return await new ImageExaminer(reference, host, options).examine();
}

const otherCodes: readonly string[] = ['IMAGE_UNSUPPORTED', 'PLATFORM_UNKNOWN'];

class ImageExaminer {
  readonly #reference: Reference;
  readonly #host: Host;
  readonly #local: ReturnType<Host['images']['repository']>;
  readonly #options: FetchOptions;
  readonly #progress: ProgressListener;
  readonly #faults: Fault[] = [];
  readonly #seen = new Set<Digest>();
  #layers = 0;
  #trees = 0;

  constructor(reference: Reference, host: Host, options: FetchOptions) {
    this.#reference = reference;
    this.#host = host;
    this.#local = host.images.repository(reference);
    this.#options = options;
    this.#progress = options.progress ?? (() => undefined);
  }

  async examine(): Promise<Examination> {
    const { tag, digest } = this.#reference;
    const wanted = digest ?? tag;
    if (wanted === undefined)
      throw new RuntimeError('IMAGE_MISSING', 'the reference has neither tag nor digest');
    const named = await this.#attempt('content', digest, () => this.#local.getManifest(wanted));
    if ('value' in named && named.value === undefined) {
      throw new RuntimeError('IMAGE_MISSING', `${formatReference(this.#reference)} is not on this host`, {
        hint: 'img images lists what this host has',
      });
    }
    const content = 'value' in named ? named.value : undefined;
    const image = content === undefined ? undefined : await this.#examineContent(content);
    if (image !== undefined) await this.#examineLayers(image);
    const found = { blobs: this.#seen.size, layers: this.#layers, trees: this.#trees };
    return { content, image, ...found, faults: this.#faults };
  }

  /** Everything but layers and trees. @returns the image for this platform if it can be read */
  async #examineContent(content: ManifestContent): Promise<PlatformImage | undefined> {
    await this.#examineManifest(content, false);
    const read = await this.#attempt('content', content.descriptor.digest, () => this.#readImage(content));
    return 'value' in read ? read.value : undefined;
  }

  /** Undefined for what is no image for this host, of which there are no layers and no tree here. */
  async #readImage(content: ManifestContent): Promise<PlatformImage | undefined> {
    try {
      const image = await readImage(content, this.#local, detailedHostPlatform(), this.#options);
      layersOf(image);
      return image;
    } catch (error) {
      if (error instanceof CodedError && otherCodes.includes(error.code)) return undefined;
      throw error;
    }
  }

  /** @param isAttached whether all of it is on this host wherever it is */
  async #examineManifest(
    { descriptor: { digest, mediaType }, bytes }: ManifestContent,
    isAttached: boolean,
  ): Promise<void> {
    if (this.#seen.has(digest)) return;
    this.#seen.add(digest);
    for (const child of childrenOf(parseManifest(bytes, mediaType)))
      await this.#examineChild(child, isAttached);
    const attached = await this.#attempt('content', digest, () => this.#local.listReferrers(digest));
    for (const referrer of 'value' in attached ? attached.value : [])
      await this.#examineNamed(referrer.digest, true);
    for (const tag of await this.#local.listTags()) {
      if (attachmentSubject(tag) === referrersTag(digest)) await this.#examineNamed(tag, true);
    }
  }

  // Of an index only what was fetched is there; of an image, its layers may be kept in another form.
  async #examineChild(child: Descriptor, isAttached: boolean): Promise<void> {
    const { digest, mediaType } = child;
    if (isManifestMediaType(mediaType) || isIndexMediaType(mediaType)) {
      await this.#examineNamed(digest, isAttached);
    } else if (!this.#seen.has(digest) && (isAttached || (await this.#host.images.exists(digest)))) {
      this.#seen.add(digest);
      await this.#attempt('content', digest, () => this.#readBlob(child));
    }
  }

  async #examineNamed(reference: Tag | Digest, isAttached: boolean): Promise<void> {
    const digest = isDigest(reference) ? reference : undefined;
    const found = await this.#attempt('content', digest, async () => {
      const content = await this.#local.getManifest(reference);
      if (content !== undefined || !isAttached) return content;
      throw new RuntimeError(
        'IMAGE_MISSING',
        `${this.#local.name} lacks ${reference}, which belongs to the image`,
      );
    });
    if ('value' in found && found.value !== undefined) await this.#examineManifest(found.value, isAttached);
  }

  async #readBlob(descriptor: Descriptor): Promise<void> {
    const { digest, size } = descriptor;
    const what = `check blob ${digest.slice(0, 19)}`;
    this.#progress({ kind: 'start', item: digest, what, totalBytes: size });
    for await (const { byteLength } of verified(this.#local.getBlob(descriptor, this.#options), descriptor)) {
      this.#options.signal?.throwIfAborted();
      this.#progress({ kind: 'advance', item: digest, bytes: byteLength });
    }
    this.#progress({ kind: 'done', item: digest });
  }

  async #examineLayers(image: PlatformImage): Promise<void> {
    const { layers, images } = this.#host;
    const { signal } = this.#options;
    const options = { isDeep: true, ...(signal === undefined ? {} : { signal }) };
    const checked: CheckedLayer[] = [];
    const wanted = layersOf(image);
    for (const { descriptor, diffId } of wanted) {
      // What was built here, or copied from an archive, is unpacked by its first start.
      if (!(await layers.has(diffId)) && (await images.exists(descriptor.digest))) continue;
      this.#layers += 1;
      const item = diffId;
      this.#progress({ kind: 'start', item, what: `check layer ${diffId.slice(0, 19)}` });
      const result = await this.#attempt('layer', diffId, () => layers.check(diffId, options));
      this.#progress({ kind: 'done', item });
      if ('value' in result) checked.push(result.value);
    }
    // A tree is compared with what its layers make, so all of them have to be sound.
    if (checked.length < wanted.length) return;
    const request = { store: layers, manifest: image.digest, ...(signal === undefined ? {} : { signal }) };
    const { trees, faults } = await examineTree(request, checked);
    this.#trees = trees;
    for (const { kind, error } of faults) this.#note(kind, image.digest, error);
  }

  async #attempt<T>(
    kind: Fault['kind'],
    digest: Digest | undefined,
    action: () => Promise<T>,
  ): Promise<{ readonly value: T } | { readonly error: CodedError }> {
    try {
      return { value: await action() };
    } catch (error) {
      const isMissing = error instanceof RuntimeError && /^(?:IMAGE|LAYER)_MISSING$/.test(error.code);
      if (!isDamage(error) && !isMissing) throw error;
      this.#note(kind, digest, error);
      return { error };
    }
  }

  #note(kind: Fault['kind'], digest: Digest | undefined, { message }: CodedError): void {
    if (this.#faults.some((fault) => fault.message === message)) return;
    this.#faults.push({ kind, digest, message });
  }
}
