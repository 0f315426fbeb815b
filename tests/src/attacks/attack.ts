import type { ContentTarget, ManifestContent } from '@img/registry/transfer/content';
import type { RefusalCode } from '@img/sign/decision';
import type { TrustRule } from '@img/sign/trust-rule';
import type { UnixTime } from '@img/sign/unix-time';
import type { DoubleStage } from '../testing/double-stage.ts';

/** What everybody asks for. */
export const tagged = 'com.example.app:1.0';

/** A host that has run `com.example.app:1.0`, number 7, from a registry that turns out to be hostile. */
export type AttackStage = DoubleStage & {
  readonly good: ManifestContent;
  /** Another repository of the registry. */
  readonly repositoryOf: (name: string) => ContentTarget;
};

/** An attack on whoever pulls and runs images, and how the host sees it. */
export type Attack = {
  /** As in the list of The Update Framework, section 1.5.2, where it is there. */
  readonly name: string;
  /** What happens, in one clause. */
  readonly what: string;
  /** Alice may sign everything unless given. */
  readonly rules?: readonly TrustRule[];
  /** Who has signed the good image; Alice unless given. */
  readonly signers?: readonly number[];
  /** Leaves the registry as the attacker wants it. */
  readonly begin: (stage: AttackStage) => Promise<unknown>;
  /** `com.example.app:1.0` unless given. */
  readonly asked?: string;
  /** How far the host's clock is ahead when the attack is there. */
  readonly clockSeconds?: number;
  readonly reason: RefusalCode;
  /** The end of the message, after "is not trusted: ". */
  readonly message: RegExp;
};

export const [alice, bob, thief] = [1, 2, 9];

const now = Math.floor(Date.now() / 1000);

/** A time so many seconds from now. */
export const at = (seconds: number) => (now + seconds) as UnixTime;

export const day = 86_400;
