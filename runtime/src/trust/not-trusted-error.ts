import type { RefusedDecision } from '@img/sign/decision';
import { RuntimeError } from '../runtime-error.ts';

/** An image that this host's trust does not cover, with every piece of evidence and why it did not count. */
export class NotTrustedError extends RuntimeError {
  readonly decision: RefusedDecision;

  constructor(decision: RefusedDecision) {
    super('NOT_TRUSTED', decision.message, { hint: decision.hint });
    this.decision = decision;
  }
}
