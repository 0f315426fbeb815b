import { signatureTag } from '@img/sign/signature-manifest';
import type { Descriptor } from '@img/spec/descriptor';
import type { Digest } from '@img/spec/digest';
import { parseImageConfig } from '@img/spec/image-config';
import { limits } from '@img/spec/limits';
import { type ImageIndex, type ImageManifest, type Manifest, parseManifest } from '@img/spec/manifest';
import {
  isIndexMediaType,
  isManifestMediaType,
  isNondistributable,
  layerCompression,
  mediaTypes,
} from '@img/spec/media-types';
import { type Platform, selectPlatform } from '@img/spec/platform';
import { quote } from '@img/spec/quote';
import type { Tag } from '@img/spec/tag';
import { RegistryError } from '../registry-error.ts';
import type { BlobRequest, ContentSource, ManifestContent } from './content.ts';
import { forEachParallel } from './parallel.ts';
import { readBlob } from './read-blob.ts';

export type PlannedBlob = {
  readonly request: BlobRequest;
  /** The content, where it had to be read for the plan. */
  readonly bytes: Uint8Array | undefined;
};

export type PlannedManifest = {
  readonly content: ManifestContent;
  readonly manifest: Manifest;
  readonly blobs: readonly PlannedBlob[];
};

/** Everything that has to be at the target, in an order in which nothing points at what isn't there yet. */
export type CopyPlan = {
  /** The manifests below the image, children first. */
  readonly children: readonly PlannedManifest[];
  /** What is attached to the image or its children: they may come before what they are attached to. */
  readonly referrers: readonly PlannedManifest[];
  /** Manifests of signatures, each under its tag. */
  readonly signatures: readonly (PlannedManifest & { readonly tag: Tag })[];
  readonly image: PlannedManifest;
};

export type PlanOptions = {
  readonly reference: Tag | Digest;
  readonly platform: Platform | undefined;
  readonly isWithAttachments: boolean;
  readonly signal: AbortSignal | undefined;
};

const parallelReads = 6;

/**
 * Reads the manifests of an image, and of what is attached to it.
 *
 * @throws RegistryError CONTENT_MISSING, IMAGE_INVALID; SpecError PLATFORM_UNKNOWN; what the source throws
 */
export async function planCopy(source: ContentSource, options: PlanOptions): Promise<CopyPlan> {
  const planner = new Planner(source, options);
  const image = await planner.image(options.reference);
  const below = [...planner.planned.values()].filter((planned) => planned !== image);
  if (!options.isWithAttachments) return { children: below, referrers: [], signatures: [], image };
  const signatures = await planner.signatures([...below, image]);
  const referrers = await planner.referrers([...below, image]);
  return { children: below, referrers, signatures, image };
}

class Planner {
  /** Children stand before what points at them. */
  readonly planned = new Map<Digest, PlannedManifest>();
  readonly #source: ContentSource;
  readonly #options: PlanOptions;

  constructor(source: ContentSource, options: PlanOptions) {
    this.#source = source;
    this.#options = options;
  }

  async image(reference: Tag | Digest): Promise<PlannedManifest> {
    const content = await this.#get(reference, this.#options.signal);
    if (content === undefined) {
      throw new RegistryError('CONTENT_MISSING', `${this.#source.name} has no image ${quote(reference)}`);
    }
    return await this.#add(content, 0, this.#options.signal);
  }

  /** The manifests of signatures that stand under a tag of their own. */
  async signatures(manifests: readonly PlannedManifest[]): Promise<CopyPlan['signatures']> {
    const found: CopyPlan['signatures'][number][] = [];
    await forEachParallel(manifests, parallelReads, this.#options.signal, async ({ content }, signal) => {
      const tag = signatureTag(content.descriptor.digest);
      const signatures = await this.#get(tag, signal);
      if (signatures !== undefined) found.push({ ...(await this.#plan(signatures, signal)), tag });
    });
    return found.toSorted((a, b) => (a.tag < b.tag ? -1 : 1));
  }

  /** The referrers of the manifests, their own referrers, and so on. */
  async referrers(manifests: readonly PlannedManifest[]): Promise<readonly PlannedManifest[]> {
    const before = new Set(this.planned.values());
    let subjects = manifests;
    for (let depth = 0; subjects.length > 0 && depth < limits.indexDepth; depth += 1) {
      const known = new Set(this.planned.values());
      await forEachParallel(subjects, parallelReads, this.#options.signal, async ({ content }, signal) => {
        await this.#addReferrers(content.descriptor.digest, signal);
      });
      subjects = [...this.planned.values()].filter((planned) => !known.has(planned));
    }
    return [...this.planned.values()].filter((planned) => !before.has(planned));
  }

  async #addReferrers(subject: Digest, signal: AbortSignal): Promise<void> {
    // Manifests of kinds that were never standardized can't be stored elsewhere.
    const referrers = (await this.#source.listReferrers(subject, { signal })).filter(isManifest);
    for (const { digest } of referrers) {
      const content = await this.#get(digest, signal);
      // A list of referrers is only a claim, and it may name what is gone.
      if (content === undefined || parsed(content).subject?.digest !== subject) continue;
      await this.#add(content, 0, signal);
    }
  }

  async #add(
    content: ManifestContent,
    depth: number,
    signal: AbortSignal | undefined,
  ): Promise<PlannedManifest> {
    const { digest } = content.descriptor;
    const known = this.planned.get(digest);
    if (known !== undefined) return known;
    if (depth > limits.indexDepth || this.planned.size >= limits.indexManifests) {
      const reason = depth > limits.indexDepth ? 'indexes nested too deeply' : 'too many manifests';
      throw new RegistryError('IMAGE_INVALID', `${this.#source.name} has ${reason} at ${digest}`);
    }
    const manifest = parsed(content);
    if (manifest.kind === 'index') await this.#addChildren(manifest, depth, signal);
    const planned = await this.#plan(content, signal);
    this.planned.set(digest, planned);
    return planned;
  }

  async #addChildren(index: ImageIndex, depth: number, signal: AbortSignal | undefined): Promise<void> {
    const { platform } = this.#options;
    const manifests = index.manifests.filter(isManifest);
    // Referrers have subjects, and are no images for one platform or another.
    const isSelected = platform !== undefined && index.subject === undefined && manifests.length > 0;
    const wanted = isSelected ? [selectPlatform(manifests, platform)] : manifests;
    await forEachParallel(wanted, parallelReads, signal, async (child, innerSignal) => {
      await this.#add(await this.#getChild(child, innerSignal), depth + 1, innerSignal);
    });
  }

  async #getChild({ digest, size }: Descriptor, signal: AbortSignal): Promise<ManifestContent> {
    const content = await this.#get(digest, signal);
    if (content === undefined) {
      throw new RegistryError(
        'CONTENT_MISSING',
        `${this.#source.name} lacks the manifest ${digest} of an index`,
        { hint: 'it may hold one platform of the image only; copy that one' },
      );
    }
    if (content.descriptor.size !== size) {
      throw new RegistryError(
        'SIZE_MISMATCH',
        `manifest ${digest} of ${this.#source.name} has ${content.descriptor.size} bytes, but its index says ${size}`,
      );
    }
    return content;
  }

  async #plan(content: ManifestContent, signal: AbortSignal | undefined): Promise<PlannedManifest> {
    const manifest = parsed(content);
    const blobs =
      manifest.kind === 'manifest'
        ? await this.#blobsOf(manifest, signal)
        : manifest.manifests.filter((child) => !isManifest(child)).map((child) => this.#blob(child));
    return { content, manifest, blobs };
  }

  async #blobsOf(
    { config, layers }: ImageManifest,
    signal: AbortSignal | undefined,
  ): Promise<readonly PlannedBlob[]> {
    const isImage = config.mediaType === mediaTypes.ociConfig || config.mediaType === mediaTypes.dockerConfig;
    const bytes = isImage
      ? await readBlob(this.#source, config, limits.imageConfigBytes, signal === undefined ? {} : { signal })
      : undefined;
    const diffIds = bytes === undefined ? [] : diffIdsIn(bytes);
    const isPaired = diffIds.length === layers.length;
    const distributable = layers.flatMap((layer, index) => {
      // Registries need not hold the others, and nobody may pass them on.
      if (isNondistributable(layer.mediaType)) return [];
      return [this.#blob(layer, isPaired ? diffIds[index] : undefined)];
    });
    return [this.#blob(config, undefined, bytes), ...distributable];
  }

  #blob(descriptor: Descriptor, diffId?: Digest, bytes?: Uint8Array): PlannedBlob {
    const { origin } = this.#source;
    const isLayer = diffId !== undefined && layerCompression(descriptor.mediaType) !== undefined;
    return {
      request: {
        descriptor,
        ...(origin === undefined ? {} : { origin }),
        ...(isLayer ? { diffId } : {}),
      },
      bytes,
    };
  }

  async #get(reference: Tag | Digest, signal: AbortSignal | undefined): Promise<ManifestContent | undefined> {
    return await this.#source.getManifest(reference, signal === undefined ? {} : { signal });
  }
}

function isManifest({ mediaType }: Descriptor): boolean {
  return isManifestMediaType(mediaType) || isIndexMediaType(mediaType);
}

function parsed({ bytes, descriptor }: ManifestContent): Manifest {
  return parseManifest(bytes, descriptor.mediaType);
}

/** None for artifacts, which may carry the media type of an image's config with any content. */
function diffIdsIn(bytes: Uint8Array): readonly Digest[] {
  try {
    return parseImageConfig(bytes).diffIds;
  } catch {
    return [];
  }
}
