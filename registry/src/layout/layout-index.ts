import { annotations } from '@img/spec/annotations';
import { collect } from '@img/spec/collect';
import type { Descriptor } from '@img/spec/descriptor';
import { parseJson } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import { limits } from '@img/spec/limits';
import { encodeManifest, parseManifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import { quote } from '@img/spec/quote';
import { RegistryError } from '../registry-error.ts';
import type { LayoutFiles } from './layout-files.ts';

/** The file that says that a folder is a layout (image-spec, image-layout.md). */
export const markerFile = 'oci-layout';
export const indexFile = 'index.json';
export const markerContent = '{"imageLayoutVersion":"1.0.0"}';

// containerd and Docker write the whole reference here, and only its tag into the annotation of image-spec.
const containerdName = 'io.containerd.image.name';

/**
 * Reads `index.json` of a layout.
 *
 * @throws RegistryError LAYOUT_INVALID
 */
export async function readLayoutIndex(files: LayoutFiles): Promise<readonly Descriptor[]> {
  try {
    const marker = new JsonFields(
      parseJson(await readSmall(files, markerFile), { maxBytes: limits.manifestBytes }),
      markerFile,
      'JSON_INVALID',
    );
    const version = marker.string('imageLayoutVersion');
    if (!version.startsWith('1.')) throw new Error(`${markerFile} has the unknown version ${quote(version)}`);
    const index = parseManifest(await readSmall(files, indexFile), mediaTypes.ociIndex);
    return index.kind === 'index' ? index.manifests : [];
  } catch (cause) {
    throw new RegistryError(
      'LAYOUT_INVALID',
      `${files.name} is no image layout: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}

export function encodeLayoutIndex(manifests: readonly Descriptor[]): Uint8Array {
  return encodeManifest({
    kind: 'index',
    mediaType: mediaTypes.ociIndex,
    artifactType: undefined,
    manifests,
    subject: undefined,
    annotations: {},
  });
}

/** The name that the layout gives an image: a tag or a whole reference, unparsed. */
export function nameOf(descriptor: Descriptor): string | undefined {
  return descriptor.annotations?.[containerdName] ?? descriptor.annotations?.[annotations.refName];
}

/** The same image under a tag. */
export function named(descriptor: Descriptor, tag: string): Descriptor {
  return { ...descriptor, annotations: { ...descriptor.annotations, [annotations.refName]: tag } };
}

async function readSmall(files: LayoutFiles, path: string): Promise<Uint8Array> {
  if ((await files.size(path)) === undefined) throw new Error(`there is no ${path}`);
  return await collect(files.read(path, 0), limits.manifestBytes, path);
}
