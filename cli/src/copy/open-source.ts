import { openLayout } from '@img/registry/layout/open-layout';
import { RegistryError } from '@img/registry/registry-error';
import { attachmentSubject } from '@img/registry/transfer/attachment-tag';
import type { ContentSource } from '@img/registry/transfer/content';
import type { Host } from '@img/runtime/host';
import type { Digest } from '@img/spec/digest';
import { printable } from '@img/spec/printable';
import { isTag, latestTag, type Tag } from '@img/spec/tag';
import type { Session } from '../command.ts';
import { openRegistry } from '../host/open-registry.ts';
import type { FilePlace, NamedPlace, TypedPlace } from './typed-place.ts';

/** An image to copy. Close it. */
export type OpenedSource = AsyncDisposable & {
  readonly source: ContentSource;
  readonly reference: Tag | Digest;
  /** The tag that it goes by there. */
  readonly tag: Tag | undefined;
};

/** @throws RegistryError CONTENT_MISSING, REFERENCE_AMBIGUOUS, LAYOUT_INVALID, ARCHIVE_INVALID */
export async function openSource(session: Session, place: TypedPlace, host: Host): Promise<OpenedSource> {
  return 'path' in place ? await openFile(place) : openNamed(session, place, host);
}

function openNamed(session: Session, { kind, reference: typed }: NamedPlace, host: Host): OpenedSource {
  const { registry, repository, tag, digest } = typed;
  const image = { reference: digest ?? tag ?? latestTag, tag: digest === undefined ? tag : undefined };
  if (kind === 'host') {
    const source = host.images.repository(typed);
    return { source, ...image, [Symbol.asyncDispose]: async () => undefined };
  }
  const client = openRegistry(session, registry);
  const source = client.repository(repository, 'pull');
  return { source, ...image, [Symbol.asyncDispose]: () => client.close() };
}

async function openFile({ path, tag }: FilePlace): Promise<OpenedSource> {
  const source = await openLayout(path);
  try {
    const reference = tag ?? onlyImage(source.images, path);
    return { source, reference, tag, [Symbol.asyncDispose]: () => source[Symbol.asyncDispose]() };
  } catch (error) {
    await source[Symbol.asyncDispose]();
    throw error;
  }
}

type ListedImage = { readonly name: string | undefined; readonly descriptor: { readonly digest: Digest } };

/** The one image that people mean: what has a name of its own counts before signatures and other attachments. */
function onlyImage(images: readonly ListedImage[], path: string): Digest {
  const named = images.filter(({ name }) => name !== undefined && !isAttachment(name));
  const digests = [
    ...new Set((named.length > 0 ? named : images).map(({ descriptor }) => descriptor.digest)),
  ];
  const [only] = digests;
  if (only === undefined) throw new RegistryError('CONTENT_MISSING', `there is no image in ${path}`);
  if (digests.length === 1) return only;
  const names = named.map(({ name }) => printable(name ?? ''));
  throw new RegistryError('REFERENCE_AMBIGUOUS', `there are ${digests.length} images in ${path}`, {
    hint: `say which one by its tag: ${names.slice(0, 20).join(', ')}`,
  });
}

function isAttachment(name: string): boolean {
  return isTag(name) && attachmentSubject(name) !== undefined;
}
