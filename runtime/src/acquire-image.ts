import type { ContentOptions, ContentSource, ManifestContent } from '@img/registry/transfer/content';
import type { Decision } from '@img/sign/decision';
import { unixTimeOf } from '@img/sign/unix-time';
import type { Digest } from '@img/spec/digest';
import { quote } from '@img/spec/quote';
import { formatReference } from '@img/spec/reference';
import type { RegistryHost } from '@img/spec/registry-host';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Tag } from '@img/spec/tag';
import { nameDamage } from './name-damage.ts';
import { RuntimeError } from './runtime-error.ts';
import { type AskedImage, accept, decide, type Trust } from './trust/decide.ts';
import { NotTrustedError } from './trust/not-trusted-error.ts';

/** When to ask the registry: only for what this host lacks, at every start, or never. */
export type PullPolicy = 'missing' | 'always' | 'never';

/** Where an image is, and where it comes from if it is not there. */
export type ImageAccess = {
  /** This host's copies of the repository. */
  readonly local: ContentSource;
  /** The repository in its registry. */
  readonly remote: ContentSource;
  /** Copies the image and what is attached to it to this host, and points the tag at it. */
  readonly pull: (
    content: ManifestContent,
    options: ContentOptions & { readonly tag?: Tag },
  ) => Promise<void>;
};

export type AcquireRequest = {
  readonly registry: RegistryHost;
  readonly repository: RepositoryName;
  readonly tag: Tag | undefined;
  /** Decides if given; the tag is then only a claim that nobody needs to have signed. */
  readonly digest: Digest | undefined;
  readonly pull: PullPolicy;
  readonly trust: Trust;
  /** Whether it may run though nobody who is trusted has signed it. */
  readonly acceptsUnsigned: boolean;
  readonly now: Date;
};

/** An image on this host that may run; not trusted only if the request accepted that. */
export type AcquiredImage = { readonly content: ManifestContent; readonly decision: Decision };

/**
 * Resolves a reference once, and makes sure that the image is on this host and trusted. What comes from a registry is
 * decided about before its layers are fetched; what is on the host is decided about again every time, from
 * the host's own copies, so that a key taken back or a changed signature stops the next start, also offline.
 *
 * @throws NotTrustedError; RuntimeError IMAGE_MISSING, IMAGE_DAMAGED, TRUST_MEMORY_INVALID; what the sources throw
 */
export async function acquireImage(
  request: AcquireRequest,
  access: ImageAccess,
  options: ContentOptions = {},
): Promise<AcquiredImage> {
  const wanted = request.digest ?? request.tag;
  if (wanted === undefined)
    throw new RuntimeError('IMAGE_MISSING', 'the reference has neither tag nor digest');
  const { local } = access;
  const name = formatReference(request);
  let content = await nameDamage(name, () => local.getManifest(wanted, options));
  // What a digest names never changes, so there is nothing to ask for again.
  const isStale = request.pull === 'always' && request.digest === undefined;
  if (isStale || (content === undefined && request.pull !== 'never')) {
    content = await fetchImage(wanted, request, access, options);
  }
  if (content === undefined) {
    throw new RuntimeError('IMAGE_MISSING', `${name} is not on this host`, {
      hint: 'fetch it with img pull, or let img run do so: --pull missing',
    });
  }
  const asked = askedImage(request, content);
  const decision = await nameDamage(name, () => judge(asked, local, request, options));
  if (decision.trusted) await accept(asked, decision, request.trust);
  return { content, decision };
}

async function fetchImage(
  wanted: Tag | Digest,
  request: AcquireRequest,
  { remote, pull }: ImageAccess,
  options: ContentOptions,
): Promise<ManifestContent> {
  const content = await remote.getManifest(wanted, options);
  if (content === undefined) {
    throw new RuntimeError('IMAGE_MISSING', `${remote.name} has no ${quote(wanted)}`, {
      hint: 'look at the name and the tag; img push puts an image there',
    });
  }
  await judge(askedImage(request, content), remote, request, options);
  const { tag } = request;
  await pull(content, { ...options, ...(tag === undefined || request.digest !== undefined ? {} : { tag }) });
  return content;
}

function askedImage(
  { repository, tag, digest }: AcquireRequest,
  { descriptor }: ManifestContent,
): AskedImage {
  return { repository, tag: digest === undefined ? tag : undefined, digest: descriptor.digest };
}

async function judge(
  image: AskedImage,
  source: ContentSource,
  { trust, acceptsUnsigned, now }: AcquireRequest,
  options: ContentOptions,
): Promise<Decision> {
  const { decision } = await decide(image, source, trust, { ...options, now: unixTimeOf(now) });
  if (decision.trusted || acceptsUnsigned) return decision;
  throw new NotTrustedError(decision);
}
