import { checkMediaType, type Descriptor, descriptorFrom } from './descriptor.ts';
import { type JsonObject, parseJson } from './json.ts';
import { JsonFields } from './json-fields.ts';
import { limits } from './limits.ts';
import { isIndexMediaType, isManifestMediaType, mediaTypes } from './media-types.ts';
import { quote } from './quote.ts';
import { SpecError } from './spec-error.ts';

/** One image or artifact (image-spec, manifest.md; Docker's schema 2 has the same fields). */
export type ImageManifest = {
  readonly kind: 'manifest';
  readonly mediaType: string;
  readonly artifactType: string | undefined;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject: Descriptor | undefined;
  readonly annotations: { readonly [key: string]: string };
};

/** Several manifests, usually one per platform (image-spec, image-index.md; Docker calls it a manifest list). */
export type ImageIndex = {
  readonly kind: 'index';
  readonly mediaType: string;
  readonly artifactType: string | undefined;
  readonly manifests: readonly Descriptor[];
  readonly subject: Descriptor | undefined;
  readonly annotations: { readonly [key: string]: string };
};

export type Manifest = ImageManifest | ImageIndex;

const knownKeys = [
  'schemaVersion',
  'mediaType',
  'artifactType',
  'config',
  'layers',
  'manifests',
  'fsLayers',
  'subject',
  'annotations',
];

/**
 * Parses a manifest or an index. Unknown fields are ignored, as the specification demands; a document that
 * could be read as both is refused, because two readers would then see two images (CVE-2021-41190).
 *
 * @param contentType the bare media type that came with the bytes, if one did; must not contradict them
 * @throws SpecError MANIFEST_INVALID, JSON_*
 */
export function parseManifest(bytes: Uint8Array, contentType?: string): Manifest {
  const value = parseJson(bytes, { maxBytes: limits.manifestBytes });
  const fields = new JsonFields(value, 'manifest', 'MANIFEST_INVALID');
  fields.noOtherCase(knownKeys);
  checkSchemaVersion(fields);
  const mediaType = mediaTypeOf(fields, contentType);
  if (isIndexMediaType(mediaType)) return indexFrom(fields, mediaType);
  if (isManifestMediaType(mediaType)) return manifestFrom(fields, mediaType);
  throw new SpecError('MANIFEST_INVALID', `manifest has the unknown media type ${quote(mediaType)}`);
}

/** @throws SpecError MANIFEST_INVALID if the bytes are an index, and what {@link parseManifest} throws */
export function parseImageManifest(bytes: Uint8Array, contentType?: string): ImageManifest {
  const manifest = parseManifest(bytes, contentType);
  if (manifest.kind === 'manifest') return manifest;
  throw new SpecError('MANIFEST_INVALID', 'an index stands where the manifest of one image should be');
}

/** What kind of artifact a manifest is: its artifactType, else for image manifests the type of its config. */
export function artifactTypeOf(manifest: Manifest): string | undefined {
  if (manifest.artifactType !== undefined && manifest.artifactType !== '') return manifest.artifactType;
  return manifest.kind === 'manifest' ? manifest.config.mediaType : undefined;
}

/** Everything that a manifest points at and that must be there with it; the subject is not. */
export function childrenOf(manifest: Manifest): readonly Descriptor[] {
  return manifest.kind === 'index' ? manifest.manifests : [manifest.config, ...manifest.layers];
}

/**
 * The bytes of a manifest of ours: JSON in a fixed order of keys, without spaces, so that equal content always
 * has an equal digest.
 */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const { kind, mediaType, artifactType, subject, annotations } = manifest;
  return new TextEncoder().encode(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(kind === 'manifest'
        ? { config: descriptorJson(manifest.config), layers: manifest.layers.map(descriptorJson) }
        : { manifests: manifest.manifests.map(descriptorJson) }),
      ...(subject === undefined ? {} : { subject: descriptorJson(subject) }),
      ...(Object.keys(annotations).length === 0 ? {} : { annotations: sortedKeys(annotations) }),
    }),
  );
}

/** A descriptor as JSON, with keys in a fixed order. */
export function descriptorJson(descriptor: Descriptor): JsonObject {
  const { mediaType, digest, size, urls, annotations, data, platform, artifactType } = descriptor;
  return {
    mediaType,
    digest,
    size,
    ...(urls === undefined ? {} : { urls }),
    ...(annotations === undefined ? {} : { annotations: sortedKeys(annotations) }),
    ...(data === undefined ? {} : { data }),
    ...(platform === undefined
      ? {}
      : {
          platform: {
            architecture: platform.architecture,
            os: platform.os,
            ...(platform.osVersion === undefined ? {} : { 'os.version': platform.osVersion }),
            ...(platform.osFeatures === undefined ? {} : { 'os.features': platform.osFeatures }),
            ...(platform.variant === undefined ? {} : { variant: platform.variant }),
          },
        }),
    ...(artifactType === undefined ? {} : { artifactType }),
  };
}

function checkSchemaVersion(fields: JsonFields): void {
  const version = fields.integer('schemaVersion', 0);
  if (version === 2) return;
  const reason =
    version === 1 ? ': the format of 2013, which no program writes any more; convert it to an OCI image' : '';
  throw new SpecError('MANIFEST_INVALID', `manifest.schemaVersion should be 2, not ${version}${reason}`);
}

function mediaTypeOf(fields: JsonFields, contentType: string | undefined): string {
  const written = fields.optionalString('mediaType');
  // image-spec allows mediaType to be absent; then the header decides, and without one the fields do.
  if (written === undefined || written === '') return contentType ?? guessMediaType(fields);
  if (contentType !== undefined && contentType !== written) {
    throw new SpecError(
      'MANIFEST_INVALID',
      `manifest.mediaType is ${quote(written)} but the content type is ${quote(contentType)}`,
    );
  }
  return written;
}

function guessMediaType(fields: JsonFields): string {
  return fields.has('manifests') ? mediaTypes.ociIndex : mediaTypes.ociManifest;
}

function manifestFrom(fields: JsonFields, mediaType: string): ImageManifest {
  refuseKeys(fields, ['manifests', 'fsLayers'], mediaType);
  return {
    kind: 'manifest',
    mediaType,
    artifactType: artifactTypeFrom(fields),
    config: descriptorFrom(fields.value('config'), 'manifest.config', 'MANIFEST_INVALID'),
    layers: descriptorsFrom(fields, 'layers', limits.layers),
    subject: subjectFrom(fields),
    annotations: fields.optionalStringMap('annotations') ?? {},
  };
}

function indexFrom(fields: JsonFields, mediaType: string): ImageIndex {
  refuseKeys(fields, ['config', 'layers', 'fsLayers'], mediaType);
  return {
    kind: 'index',
    mediaType,
    artifactType: artifactTypeFrom(fields),
    manifests: descriptorsFrom(fields, 'manifests', limits.indexManifests),
    subject: subjectFrom(fields),
    annotations: fields.optionalStringMap('annotations') ?? {},
  };
}

function artifactTypeFrom(fields: JsonFields): string | undefined {
  const text = fields.optionalString('artifactType');
  if (text === undefined || text === '') return undefined;
  return checkMediaType(text, fields.path('artifactType'), 'MANIFEST_INVALID');
}

function subjectFrom(fields: JsonFields): Descriptor | undefined {
  const value = fields.value('subject');
  return value === undefined ? undefined : descriptorFrom(value, 'manifest.subject', 'MANIFEST_INVALID');
}

// Absent and null stand for an empty list: Go programs write null for it.
function descriptorsFrom(fields: JsonFields, key: string, max: number): readonly Descriptor[] {
  const values = fields.optionalArray(key, max) ?? [];
  return values.map((value, index) => descriptorFrom(value, `manifest.${key}[${index}]`, 'MANIFEST_INVALID'));
}

function refuseKeys(fields: JsonFields, keys: readonly string[], mediaType: string): void {
  for (const key of keys) {
    if (!fields.has(key)) continue;
    throw new SpecError(
      'MANIFEST_INVALID',
      `manifest of type ${quote(mediaType)} must not have ${quote(key)}: it could be read as another type`,
    );
  }
}

function sortedKeys(map: { readonly [key: string]: string }): { readonly [key: string]: string } {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}
