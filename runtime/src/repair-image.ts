import type { ContentSource } from '@img/registry/transfer/content';
import { copyBlobs } from '@img/registry/transfer/copy-blobs';
import { CodedError } from '@img/spec/coded-error';
import type { Reference } from '@img/spec/reference';
import { type Examination, examineImage, type Fault } from './examine-image.ts';
import { type FetchOptions, layersOf } from './fetch-layers.ts';
import type { Host } from './host.ts';
import { hostTarget } from './layers/host-target.ts';
import { isDamage } from './name-damage.ts';
import { pullImage } from './pull-image.ts';
import type { PlatformImage } from './read-image.ts';
import { removeDamagedTree } from './remove-damaged-tree.ts';
import { prepareTree } from './tree/prepare-tree.ts';

export type Repair = {
  /** What was damaged before. */
  readonly found: readonly Fault[];
  /** What still is. */
  readonly left: readonly Fault[];
  /** Why something could not be repaired, where something failed. */
  readonly obstacle: CodedError | undefined;
};

/**
 * Brings back what is damaged of an image on this host: layers of copies that this host has or of its registry, all
 * other content of its registry, trees of the layers. Everything is checked as a pull checks it, and takes the place of
 * what was damaged by a rename, so that apps that run go on to see what they saw. Whether the image is trusted is asked
 * by its next start, as always.
 *
 * @param remote the repository in its registry; asked only for what this host can't make itself
 * @throws as `examineImage`
 */
export async function repairImage(
  reference: Reference,
  remote: ContentSource,
  host: Host,
  options: FetchOptions = {},
): Promise<Repair> {
  let examined = await examineImage(reference, host, options);
  const { faults: found } = examined;
  let obstacle: CodedError | undefined;
  // What is made of layers can only be looked at once these are sound.
  for (let round = 1; round <= 2 && examined.faults.length > 0 && obstacle === undefined; round += 1) {
    const damaged = examined;
    obstacle = await obstacleOf(() => restore(reference, remote, damaged, host, options));
    examined = await examineImage(reference, host, options);
  }
  return { found, left: examined.faults, obstacle: examined.faults.length === 0 ? undefined : obstacle };
}

async function restore(
  reference: Reference,
  remote: ContentSource,
  { content, image, faults }: Examination,
  host: Host,
  options: FetchOptions,
): Promise<void> {
  const kinds = new Set(faults.map(({ kind }) => kind));
  const hasLayers = image === undefined || (await restoreLayers(reference, image, faults, host, options));
  const { tag, digest } = reference;
  const found = content?.descriptor.digest;
  const wanted = found ?? digest ?? tag;
  if (wanted !== undefined && (kinds.has('content') || !hasLayers)) {
    const tags = tag === undefined || digest !== undefined ? [] : [tag];
    await pullImage({ location: reference, source: remote, reference: wanted, tags }, host, options);
  }
  if (image === undefined || found === undefined || !(kinds.has('image') || kinds.has('checkout'))) return;
  await removeDamagedTree(host, image, found);
  await prepareTree(host.treeRequest(image, options.signal));
}

/** Brings back the layers of which this host has a compressed copy. @returns whether all layers are sound then */
async function restoreLayers(
  reference: Reference,
  image: PlatformImage,
  faults: readonly Fault[],
  host: Host,
  options: FetchOptions,
): Promise<boolean> {
  const local = host.images.repository(reference);
  const target = hostTarget(local, host.layers, options.progress);
  const damaged = new Set(faults.flatMap(({ kind, digest }) => (kind === 'layer' ? [digest] : [])));
  let areSound = true;
  for (const request of layersOf(image).filter(({ diffId }) => damaged.has(diffId))) {
    try {
      if (await host.images.exists(request.descriptor.digest))
        await copyBlobs(local, target, [{ request, bytes: undefined }], options);
    } catch (error) {
      // The copy is no better; the registry may have another.
      if (!isDamage(error)) throw error;
    }
    areSound &&= await host.layers.isSound(request.diffId, options);
  }
  return areSound;
}

async function obstacleOf(action: () => Promise<void>): Promise<CodedError | undefined> {
  try {
    await action();
    return undefined;
  } catch (error) {
    if (error instanceof CodedError) return error;
    throw error;
  }
}
