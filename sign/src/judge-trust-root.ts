import type { PublicKey } from './public-key.ts';
import { rootSigners, type SignedTrustRoot } from './signed-trust-root.ts';
import { isWithin, type TrustRoot } from './trust-root.ts';
import { formatUnixTime, type UnixTime } from './unix-time.ts';

/** Why a version of a trust root is not taken over. */
export type RootProblem =
  | 'ROOT_OTHER'
  /** The host has a newer version. */
  | 'ROOT_OLDER'
  /** The host has another document with this version. */
  | 'ROOT_VERSION_REUSED'
  | 'ROOT_EXPIRED'
  /** Fewer of its own keys than it requires have signed it. */
  | 'ROOT_UNSIGNED'
  /** Fewer of the keys of the version that the host trusts than that one requires have signed it. */
  | 'ROOT_UNTRUSTED'
  /** It speaks for prefixes that the version that the host trusts doesn't speak for. */
  | 'ROOT_TOO_BROAD';

/** Whether a host takes a trust root over, with all that the answer rests on. */
export type RootDecision = {
  readonly accepted: boolean;
  /** Undefined if accepted. */
  readonly problem: RootProblem | undefined;
  /** One sentence for people. */
  readonly message: string;
  /** What to do next; undefined if accepted. */
  readonly hint: string | undefined;
  /** Those of its own keys that have signed it. */
  readonly signers: readonly PublicKey[];
  /** Those of the keys of the trusted version that have signed it; none if there is none. */
  readonly endorsers: readonly PublicKey[];
  /** Whether it is what the host has already. */
  readonly isKnown: boolean;
};

export type RootQuestion = {
  readonly offered: SignedTrustRoot;
  /** What the host has pinned under this name; undefined if somebody just decides to trust it. */
  readonly trusted: SignedTrustRoot | undefined;
  readonly now: UnixTime;
};

/**
 * Decides whether a host takes a version of a trust root over. Pure, and total. A newer version needs the threshold of
 * its own keys, and that of the keys of the version which the host trusts (TUF 5.3.4); versions in between may be
 * left out, because the people trusted then have signed this one. A trusted version that has expired still says who
 * may replace it.
 */
export function judgeTrustRoot({ offered, trusted, now }: RootQuestion): RootDecision {
  const { root } = offered;
  const signers = rootSigners(offered, root.keys);
  const endorsers = trusted === undefined ? [] : rootSigners(offered, trusted.root.keys);
  const isKnown = trusted !== undefined && Buffer.compare(trusted.payload, offered.payload) === 0;
  const found = { signers, endorsers, isKnown };
  const refuse = (problem: RootProblem, reason: string): RootDecision => {
    const message = `version ${root.version} of the trust root ${root.name} is not taken over: ${reason}`;
    return { ...found, accepted: false, problem, message, hint: hints[problem] };
  };
  if (trusted !== undefined && !isKnown) {
    const problem = versionProblem(root, trusted.root);
    if (problem !== undefined) return refuse(...problem);
  }
  if (root.expires <= now) return refuse('ROOT_EXPIRED', `it expired at ${formatUnixTime(root.expires)}`);
  if (signers.length < root.require) {
    return refuse(
      'ROOT_UNSIGNED',
      `it is signed by ${signers.length} of the ${root.require} that it requires`,
    );
  }
  if (trusted !== undefined && endorsers.length < trusted.root.require) {
    const { version, require } = trusted.root;
    return refuse(
      'ROOT_UNTRUSTED',
      `of the keys of version ${version}, which is trusted here, ${endorsers.length} have signed it, not ${require}`,
    );
  }
  const message = `version ${root.version} of the trust root ${root.name} is signed by ${signers.length} of its ${root.keys.length} keys`;
  return { ...found, accepted: true, problem: undefined, message, hint: undefined };
}

function versionProblem(root: TrustRoot, trusted: TrustRoot): [RootProblem, string] | undefined {
  if (root.name !== trusted.name) return ['ROOT_OTHER', `it is none of ${trusted.name}`];
  if (root.version < trusted.version) return ['ROOT_OLDER', `this host has version ${trusted.version}`];
  if (root.version === trusted.version) {
    return ['ROOT_VERSION_REUSED', 'this host has another document with the same version'];
  }
  const added = root.prefixes.find((prefix) => !isWithin(prefix, trusted.prefixes));
  if (added === undefined) return undefined;
  return [
    'ROOT_TOO_BROAD',
    `it speaks for ${added}, and has been trusted for ${trusted.prefixes.join(', ')} only`,
  ];
}

const hints: { readonly [problem in RootProblem]: string } = {
  ROOT_OTHER: 'import it by itself if you mean to trust it, too',
  ROOT_OLDER: 'get the newest version from its publisher',
  ROOT_VERSION_REUSED: 'its signers contradict each other: ask them which one is right',
  ROOT_EXPIRED: 'get a newer version from its publisher',
  ROOT_UNSIGNED: 'its owners sign it with img trust sign',
  ROOT_UNTRUSTED: 'import a version in between first, or ask its owners to sign with their former keys, too',
  ROOT_TOO_BROAD: 'remove the old one and import this one if you mean to trust it for more',
};
