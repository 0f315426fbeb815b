import { RegistryError } from '@img/registry/registry-error';
import type {
  ContentSource,
  ContentTarget,
  ManifestContent,
  ReferrerRemover,
  RepositoryLocation,
} from '@img/registry/transfer/content';
import type { Host } from '@img/runtime/host';
import type { Tag } from '@img/spec/tag';
import type { Session } from '../command.ts';
import { openRegistry } from '../host/open-registry.ts';
import { findTaggedImage } from '../host/tagged-image.ts';
import { typedRepository } from '../host/typed-reference.ts';

/** Where signatures are: beside an image of this host, or of its registry. */
export type SignedPlace = ContentSource & ContentTarget & ReferrerRemover;

/** An image whose signatures somebody works on. Close it, or bind it with `await using`. */
export type SignedImage = AsyncDisposable & {
  readonly location: RepositoryLocation;
  readonly place: SignedPlace;
  readonly content: ManifestContent;
  /** Those that were meant; none for an image that was named by its digest, or that has none. */
  readonly tags: readonly Tag[];
};

export type PlaceOptions = {
  readonly isRemote: boolean;
  /** What will be done in the registry. */
  readonly access: 'pull' | 'push' | 'delete';
};

/**
 * The image that somebody typed, of this host or, if asked for, of its registry. A tag beside a digest says what is
 * stated of that digest, whatever the tag means now.
 *
 * @throws CliError USAGE; RegistryError REFERENCE_UNKNOWN, REFERENCE_AMBIGUOUS, and what the place throws
 */
export async function openSignedImage(
  session: Session,
  host: Host,
  text: string,
  { isRemote, access }: PlaceOptions,
): Promise<SignedImage> {
  const typed = typedRepository(text, session.config);
  return isRemote ? await inRegistry(session, typed, text, access) : await onHost(session, host, typed, text);
}

type Typed = ReturnType<typeof typedRepository>;

async function onHost(session: Session, host: Host, typed: Typed, text: string): Promise<SignedImage> {
  const { location, descriptor, tags } = await findTaggedImage(host.images, typed, session.config);
  const place = host.images.repository(location);
  const content = await place.getManifest(descriptor.digest);
  if (content === undefined) throw new RegistryError('REFERENCE_UNKNOWN', `image ${text} was just removed`);
  const { reference } = typed;
  const stated = reference?.digest !== undefined && reference.tag !== undefined ? [reference.tag] : tags;
  return { location, place, content, tags: stated, [Symbol.asyncDispose]: async () => undefined };
}

async function inRegistry(
  session: Session,
  { location, full }: Typed,
  text: string,
  access: PlaceOptions['access'],
): Promise<SignedImage> {
  const client = openRegistry(session, location.registry);
  const close = () => client.close();
  try {
    const place = client.repository(location.repository, access);
    const { tag, digest } = full;
    const wanted = digest ?? tag;
    const content =
      wanted === undefined ? undefined : await place.getManifest(wanted, { signal: session.signal });
    if (content === undefined) {
      throw new RegistryError('REFERENCE_UNKNOWN', `there is no image ${text} in ${place.name}`, {
        hint: 'look at the name and the tag; img push stores an image there',
      });
    }
    return { location, place, content, tags: tag === undefined ? [] : [tag], [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}
