import type { AnswerOf, BodyOf } from '@img/registry/accounts/api-routes';
import { bold, type Line } from './text.ts';

/** What a policy keeps, a line for each rule. */
export function describePolicy(policy: BodyOf<'putRetention'>): readonly Line[] {
  const { keep, latest, pushedDays, pulledDays, untaggedDays } = policy;
  const rules: readonly (string | undefined)[] = [
    keep && `tags such as ${keep.join(', ')}`,
    latest === undefined ? undefined : `the ${latest} tags that were pushed last`,
    pushedDays === undefined ? undefined : `tags that were pushed in the last ${dayText(pushedDays)}`,
    pulledDays === undefined ? undefined : `tags whose image was pulled in the last ${dayText(pulledDays)}`,
  ];
  const kept = rules.filter((rule) => rule !== undefined);
  const untagged =
    untaggedDays === undefined ? 'everything without a tag' : `what has no tag for ${dayText(untaggedDays)}`;
  return [...(kept.length === 0 ? ['all tags'] : kept), untagged].map((rule) => ['keeps ', rule]);
}

/** What was removed, or would be. */
export function reportLines(report: AnswerOf<'runRetention'>, what: string): readonly Line[] {
  const { keptTags, removedTags, removedManifests, tags, manifests } = report;
  const more = removedTags + removedManifests - tags.length - manifests.length;
  const lines: readonly Line[] = [
    ...tags.map(({ tag, digest }): Line => ['  ', bold(tag), `  ${digest}`]),
    ...manifests.map((digest): Line => [`  ${digest}`]),
    ...(more === 0 ? [] : [`  and ${more} more`]),
  ];
  const sum = `${count(removedTags, 'tag')} of ${keptTags + removedTags}, ${count(removedManifests, 'image')} without a tag`;
  return [`${what} ${sum}`, ...lines];
}

function count(number: number, noun: string): string {
  return `${number} ${number === 1 ? noun : `${noun}s`}`;
}

function dayText(days: number): string {
  return days === 1 ? 'day' : `${days} days`;
}
