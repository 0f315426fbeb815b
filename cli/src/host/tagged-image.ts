import type { ImageStore, StoredImage } from '@img/registry/images/image-store';
import { RegistryError } from '@img/registry/registry-error';
import type { RepositoryLocation } from '@img/registry/transfer/content';
import type { Descriptor } from '@img/spec/descriptor';
import { nearest } from '@img/spec/nearest';
import { latestTag, type Tag } from '@img/spec/tag';
import type { Config } from '../config/config.ts';
import { shortName } from './short-name.ts';
import type { TypedRepository } from './typed-reference.ts';

/** An image of this host and the tags that were meant. */
export type TaggedImage = {
  readonly location: RepositoryLocation;
  readonly descriptor: Descriptor;
  /** Empty for an image that is kept by its digest alone. */
  readonly tags: readonly Tag[];
};

/**
 * The image of this host that somebody typed: under the tag if one was typed; by its digest; or, by its name alone,
 * the newest one with all of its tags, so that `latest` and `1.4.0` are signed and pushed together.
 *
 * @throws RegistryError REFERENCE_UNKNOWN, REFERENCE_AMBIGUOUS
 */
export async function findTaggedImage(
  store: ImageStore,
  { location, reference }: TypedRepository,
  config: Config,
): Promise<TaggedImage> {
  const images = (await store.list()).filter((image) => isIn(location, image));
  const name = shortName(location, config);
  if (images.length === 0) throw unknownName(await store.list(), { location, reference }, config);
  if (reference?.digest !== undefined) {
    const found = images.filter(({ descriptor }) => descriptor.digest === reference.digest);
    if (found.length > 0) return taggedImage(found);
    throw new RegistryError('REFERENCE_UNKNOWN', `this host has no image ${name}@${reference.digest}`);
  }
  const tag = reference?.tag ?? latestTag;
  const tagged = images.find((image) => image.tag === tag);
  if (reference !== undefined) {
    if (tagged !== undefined) return { ...tagged, tags: [tag] };
    throw new RegistryError('REFERENCE_UNKNOWN', `this host has no image ${name}:${tag}`, {
      hint: `it has ${images.flatMap((image) => image.tag ?? []).join(', ')}`,
    });
  }
  const digests = new Set(images.map(({ descriptor }) => descriptor.digest));
  const wanted = tagged?.descriptor.digest ?? (digests.size === 1 ? [...digests][0] : undefined);
  if (wanted !== undefined)
    return taggedImage(images.filter(({ descriptor }) => descriptor.digest === wanted));
  throw new RegistryError(
    'REFERENCE_AMBIGUOUS',
    `this host has ${digests.size} images ${name}, none of them latest`,
    {
      hint: `name one of the tags ${images.flatMap((image) => image.tag ?? []).join(', ')}`,
    },
  );
}

function taggedImage(images: readonly StoredImage[]): TaggedImage {
  const [first] = images;
  if (first === undefined) throw new TypeError('an image has at least one entry');
  return {
    location: first.location,
    descriptor: first.descriptor,
    tags: images.flatMap(({ tag }) => tag ?? []),
  };
}

function isIn({ registry, repository }: RepositoryLocation, { location }: StoredImage): boolean {
  return location.registry === registry && location.repository === repository;
}

function unknownName(
  images: readonly StoredImage[],
  { location, reference }: Pick<TypedRepository, 'location' | 'reference'>,
  config: Config,
): RegistryError {
  const name = shortName(location, config);
  const names = new Set(images.map((image) => shortName(image.location, config)));
  const elsewhere = images.find((image) => image.location.repository === location.repository);
  const similar = elsewhere === undefined ? nearest(name, names) : shortName(elsewhere.location, config);
  const tag = reference?.tag === undefined ? '' : `:${reference.tag}`;
  let hint = 'img images lists what is here; img pull fetches what is in a registry';
  if (similar !== undefined) hint = `did you mean ${similar}?`;
  if (elsewhere !== undefined)
    hint += ` This gives it the other name: img tag ${similar}${tag} ${name}${tag}`;
  return new RegistryError('REFERENCE_UNKNOWN', `this host has no image ${name}`, { hint });
}
