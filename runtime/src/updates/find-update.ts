import type { ContentOptions, ContentSource } from '@img/registry/transfer/content';
import type { Decision, RefusedDecision } from '@img/sign/decision';
import { unixTimeOf } from '@img/sign/unix-time';
import type { Digest } from '@img/spec/digest';
import type { Reference } from '@img/spec/reference';
import { isTag, type Tag } from '@img/spec/tag';
import { type AppDefinition, parseImage } from '../apps/app-definition.ts';
import { RuntimeError } from '../runtime-error.ts';
import { decide, type Trust } from '../trust/decide.ts';
import { compareVersions, parseVersion, type Version } from './version.ts';
import { isInRange, parseVersionRange } from './version-range.ts';

/** A repository in its registry, whose tags can be listed. */
export type UpdateSource = ContentSource & {
  readonly listTags: (options?: ContentOptions) => AsyncIterable<string>;
};

/** The newest image of an app's channel that may run on this host. */
export type FoundImage = {
  /** With the tag, without the digest. */
  readonly source: Reference;
  readonly digest: Digest;
  readonly decision: Decision;
};

/** One that may not run. */
export type RefusedImage = FoundImage & { readonly decision: RefusedDecision };

export type UpdateSearch = {
  /** The newest that may run; undefined if there is none. */
  readonly found: FoundImage | undefined;
  /** Newer ones that may not, newest first. */
  readonly refused: readonly RefusedImage[];
};

// Whoever signs none of so many has stopped signing.
const maxTried = 20;
const maxTags = 100_000;

/**
 * Looks in the registry for the newest image of an app's channel: what the tag means there, or of all tags that are
 * versions in the range the highest one whose image is trusted. Fetches none, and remembers nothing.
 *
 * @param atLeast versions below it are not looked at
 * @throws RuntimeError IMAGE_MISSING, TRUST_MEMORY_INVALID; what the source throws
 */
export async function findUpdate(
  definition: AppDefinition,
  source: UpdateSource,
  trust: Trust,
  {
    now,
    atLeast,
    ...options
  }: ContentOptions & { readonly now: Date; readonly atLeast?: Version | undefined },
): Promise<UpdateSearch> {
  const reference = parseImage(definition.image);
  const refused: RefusedImage[] = [];
  for (const tag of await channelTags(definition, reference, source, atLeast, options)) {
    const found = await judge({ ...reference, tag }, source, trust, now, options);
    if (found === undefined) continue;
    const { decision } = found;
    if (decision.trusted || definition.insecure?.includes('signature') === true) return { found, refused };
    refused.push({ ...found, decision });
    if (refused.length === maxTried) break;
  }
  return { found: undefined, refused };
}

async function channelTags(
  { version }: AppDefinition,
  { tag }: Reference,
  source: UpdateSource,
  atLeast: Version | undefined,
  options: ContentOptions,
): Promise<readonly Tag[]> {
  if (version === undefined) return tag === undefined ? [] : [tag];
  const range = parseVersionRange(version);
  const known: (readonly [Tag, Version])[] = [];
  let count = 0;
  for await (const text of source.listTags(options)) {
    count += 1;
    if (count > maxTags)
      throw new RuntimeError('IMAGE_MISSING', `${source.name} has more than ${maxTags} tags`);
    const parsed = parseVersion(text);
    if (parsed === undefined || !isTag(text) || !isInRange(range, parsed)) continue;
    if (atLeast === undefined || compareVersions(parsed, atLeast) >= 0) known.push([text, parsed]);
  }
  return known.sort(([, a], [, b]) => compareVersions(b, a)).map(([name]) => name);
}

async function judge(
  reference: Reference & { readonly tag: Tag },
  source: ContentSource,
  trust: Trust,
  now: Date,
  options: ContentOptions,
): Promise<FoundImage | undefined> {
  const { repository, tag } = reference;
  const content = await source.getManifest(tag, options);
  if (content === undefined) return undefined;
  const { digest } = content.descriptor;
  const asked = { repository, tag, digest };
  const { decision } = await decide(asked, source, trust, { ...options, now: unixTimeOf(now) });
  return { source: { ...reference, digest: undefined }, digest, decision };
}
