import type { ContentSource } from '@img/registry/transfer/content';
import type { Decision } from '@img/sign/decision';
import type { Descriptor } from '@img/spec/descriptor';
import type { ImageConfig } from '@img/spec/image-config';
import { formatReference, type Reference } from '@img/spec/reference';
import { acquireImage, type PullPolicy } from './acquire-image.ts';
import type { InsecureItem } from './config/insecure-item.ts';
import { type FetchOptions, fetchLayers } from './fetch-layers.ts';
import type { Host } from './host.ts';
import { detailedHostPlatform } from './launch/host-platform.ts';
import { hostTarget } from './layers/host-target.ts';
import { nameDamage } from './name-damage.ts';
import { pullImage } from './pull-image.ts';
import { readImage } from './read-image.ts';
import { prepareTree } from './tree/prepare-tree.ts';
import type { Tree } from './tree/tree.ts';

export type InstallRequest = {
  readonly reference: Reference;
  /** The repository in its registry; not asked for what the host has, unless the policy says so. */
  readonly remote: ContentSource;
  readonly pull: PullPolicy;
  readonly insecure: readonly InsecureItem[];
};

/** An image on this host that may run, its tree checked and ready to be shown. */
export type InstalledImage = {
  /** What the reference was resolved to: an image or an index. */
  readonly descriptor: Descriptor;
  readonly decision: Decision;
  readonly config: ImageConfig;
  readonly tree: Tree;
};

/**
 * Makes sure that an image is on this host, trusted and undamaged: fetches what is missing, decides before and after,
 * checks every file, and makes its tree, so that a start has nothing left to do.
 *
 * @throws NotTrustedError with the decision; RuntimeError IMAGE_DAMAGED if something was changed on this host,
 *   IMAGE_MISSING, IMAGE_UNSUPPORTED, LAYER_*, TREE_*, TRUST_*; SignError POLICY_*; RegistryError; SpecError
 */
export async function installImage(
  { reference, remote, pull, insecure }: InstallRequest,
  host: Host,
  options: FetchOptions = {},
): Promise<InstalledImage> {
  const name = formatReference(reference);
  const local = host.images.repository(reference);
  const platform = detailedHostPlatform();
  const trust = await host.trust();
  const { content, decision } = await acquireImage(
    { ...reference, pull, trust, acceptsUnsigned: insecure.includes('signature'), now: new Date() },
    {
      local,
      remote,
      pull: async ({ descriptor: { digest } }, { tag }) => {
        const tags = tag === undefined ? [] : [tag];
        await pullImage({ location: reference, source: remote, reference: digest, tags }, host, options);
      },
    },
    options,
  );
  const image = await nameDamage(name, () => readImage(content, local, platform, options));
  const sources = pull === 'never' ? [local] : [local, remote];
  const target = hostTarget(local, host.layers, options.progress);
  await fetchLayers(image, sources, { layers: host.layers, target }, options);
  const tree = await nameDamage(name, () => prepareTree(host.treeRequest(image, options.signal)));
  return { descriptor: content.descriptor, decision, config: image.config, tree };
}
