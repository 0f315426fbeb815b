import { annotations } from '@img/spec/annotations';
import type { Descriptor } from '@img/spec/descriptor';
import { type Digest, digestOf } from '@img/spec/digest';
import { encodeImageConfig } from '@img/spec/image-config';
import { encodeManifest } from '@img/spec/manifest';
import { type LayerCompression, mediaTypes } from '@img/spec/media-types';
import type { Platform } from '@img/spec/platform';
import type { AppStart } from '../app/app-plan.ts';
import type { BaseImage } from '../base/read-base.ts';
import type { ImageRecipe } from '../recipe/image-recipe.ts';
import { mergeExecution } from './merge-execution.ts';

/** A layer as a manifest names it. */
export type BlobLayer = {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly compression: LayerCompression;
};

/** A layer as a config and a manifest name it. */
export type DescribedLayer = BlobLayer & {
  readonly diffId: Digest;
  /** What is in it, for the history. */
  readonly what: string;
};

export type EncodeImageOptions = {
  readonly platform: Platform;
  /** The image below, if there is one; its layers come first. */
  readonly base?:
    | (Pick<BaseImage, 'digest' | 'config'> & { readonly layers: readonly BlobLayer[] })
    | undefined;
  /** Those above it, lowest first. */
  readonly layers: readonly DescribedLayer[];
  /** How it is started if the recipe doesn't say. */
  readonly start: AppStart;
  /** When the newest of what is in it was made; undefined if nobody knows. */
  readonly created: string | undefined;
};

/** Content with the descriptor that names it. */
export type Described = { readonly descriptor: Descriptor; readonly bytes: Uint8Array };

export type EncodedImage = { readonly manifest: Described; readonly config: Described };

const layerMediaTypes: { readonly [compression in LayerCompression]: string } = {
  none: mediaTypes.ociLayer,
  gzip: mediaTypes.ociLayerGzip,
  zstd: mediaTypes.ociLayerZstd,
};

/** The media type of a layer that is compressed in this way. */
export function mediaTypeOf(compression: LayerCompression): string {
  return layerMediaTypes[compression];
}

/** The config and the manifest of an image: a function of the recipe and the layers, and of nothing else. */
export function encodeImage(recipe: ImageRecipe, options: EncodeImageOptions): EncodedImage {
  const { base, layers, created } = options;
  const config = describe(mediaTypes.ociConfig, encodeConfig(recipe, options));
  const bytes = encodeManifest({
    kind: 'manifest',
    mediaType: mediaTypes.ociManifest,
    artifactType: undefined,
    config: config.descriptor,
    layers: [...(base?.layers ?? []), ...layers].map(({ compression, digest, sizeBytes }) => {
      return { mediaType: mediaTypeOf(compression), digest, size: sizeBytes };
    }),
    subject: undefined,
    annotations: {
      ...annotationsOf(recipe, created),
      ...(base === undefined ? {} : { [annotations.baseDigest]: base.digest }),
    },
  });
  return { config, manifest: describe(mediaTypes.ociManifest, bytes) };
}

/** The index of an image's platforms; each manifest's descriptor says for which it is. */
export function encodeIndex(
  recipe: ImageRecipe,
  manifests: readonly Descriptor[],
  created: string | undefined,
): Described {
  const bytes = encodeManifest({
    kind: 'index',
    mediaType: mediaTypes.ociIndex,
    artifactType: undefined,
    manifests,
    subject: undefined,
    annotations: annotationsOf(recipe, created),
  });
  return describe(mediaTypes.ociIndex, bytes);
}

function encodeConfig({ run }: ImageRecipe, options: EncodeImageOptions): Uint8Array {
  const { platform, base, layers, start, created } = options;
  const history = layers.map(({ what }) => {
    return { created, createdBy: `img: ${what}`, author: undefined, comment: undefined, emptyLayer: false };
  });
  return encodeImageConfig({
    platform,
    created,
    author: undefined,
    config: mergeExecution(run, start, base?.config.config),
    diffIds: [...(base?.config.diffIds ?? []), ...layers.map(({ diffId }) => diffId)],
    history: [...(base?.config.history ?? []), ...history],
  });
}

function annotationsOf(
  { name, version, annotations: written }: ImageRecipe,
  created: string | undefined,
): { [key: string]: string } {
  return {
    [annotations.title]: name,
    [annotations.version]: version,
    ...(created === undefined ? {} : { [annotations.created]: created }),
    ...Object.fromEntries(written),
  };
}

function describe(mediaType: string, bytes: Uint8Array): Described {
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.byteLength }, bytes };
}
