import type { ValueOf } from '../accounts/schema.ts';
import type { TagState } from '../metadata/tag-states.ts';
import { matchesPattern } from './matches-pattern.ts';

const dayMs = 24 * 60 * 60 * 1000;
const days = { type: 'integer', minimum: 0, maximum: 36_500 } as const;

/** Of a policy, in requests, in answers and where it is stored. */
export const policySchema = {
  type: 'object',
  properties: {
    keep: {
      type: 'array',
      items: { type: 'string', minLength: 1, maxLength: 128 },
      description: 'tags that stay, as patterns with * and ?',
    },
    latest: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000_000,
      description: 'how many of the tags that were pushed last stay',
    },
    pushedDays: { ...days, description: 'tags that were pushed in these last days stay' },
    pulledDays: { ...days, description: 'tags whose image was pulled in these last days stay' },
    untaggedDays: {
      ...days,
      description: 'manifests go after these days without a tag, an index and a subject; they stay if absent',
    },
  },
  required: [],
} as const;

/**
 * What a repository keeps. A tag that at least one of `keep`, `latest`, `pushedDays` and `pulledDays` keeps stays;
 * without any of these four, all tags stay.
 */
export type RetentionPolicy = ValueOf<typeof policySchema>;

/** Whether the policy ever removes a tag. */
export function removesTags({ keep, latest, pushedDays, pulledDays }: RetentionPolicy): boolean {
  return [keep, latest, pushedDays, pulledDays].some((rule) => rule !== undefined);
}

export type KeepContext = {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The oldest of the tags that `latest` keeps; undefined if it keeps all. */
  readonly oldestOfLatest: Pick<TagState, 'tag' | 'updated_at'> | undefined;
};

/** Whether a rule of the policy keeps the tag of an image. */
export function keepsTag(policy: RetentionPolicy, state: TagState, context: KeepContext): boolean {
  const { keep = [], latest, pushedDays = -1, pulledDays = -1 } = policy;
  const isSince = (at: number | null, count: number) =>
    count >= 0 && at !== null && at > context.now - count * dayMs;
  return (
    !removesTags(policy) ||
    keep.some((pattern) => matchesPattern(state.tag, pattern)) ||
    (latest !== undefined && isAmongLatest(state, context)) ||
    isSince(state.updated_at, pushedDays) ||
    isSince(state.pulled_at, pulledDays)
  );
}

/** Since when a manifest must have been without tag, index and subject to be removed; undefined if it stays. */
export function untaggedSince(
  { untaggedDays }: RetentionPolicy,
  { now, unneededMs }: { readonly now: number; readonly unneededMs: number },
): number | undefined {
  // Whoever pushes an index pushes what it lists first, and has that much time for both.
  return untaggedDays === undefined ? undefined : now - Math.max(untaggedDays * dayMs, unneededMs);
}

function isAmongLatest({ tag, updated_at }: TagState, { oldestOfLatest }: KeepContext): boolean {
  if (oldestOfLatest === undefined || updated_at > oldestOfLatest.updated_at) return true;
  return updated_at === oldestOfLatest.updated_at && tag <= oldestOfLatest.tag;
}
