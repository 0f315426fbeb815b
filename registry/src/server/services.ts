import type { Signer } from '@img/sign/signer';
import type { TrustPolicy } from '@img/sign/trust-policy';
import type { Logger } from 'pino';
import type { Database } from '../metadata/database.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { AccessPolicy } from './auth/access-policy.ts';
import type { Authenticator } from './auth/authenticator.ts';
import type { LogIn } from './auth/log-in.ts';
import type { TokenIssuer } from './auth/token-issuer.ts';
import type { PullThroughCache } from './cache/pull-through-cache.ts';
import type { Meter } from './metrics/meter.ts';
import type { PullNotes } from './pull-notes.ts';
import type { Recorder } from './recorder.ts';
import type { RequestLimit } from './request-limit.ts';
import type { Scrubber } from './scrubber.ts';
import type { ServerLimits } from './server-limits.ts';
import type { Sweeper } from './sweeper.ts';
import type { LiveDigests } from './uploads/live-digests.ts';
import type { Turns } from './uploads/turns.ts';
import type { UploadSlots } from './uploads/upload-slots.ts';

/** What the handlers of one process share. */
export type Services = {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly policy: AccessPolicy;
  readonly logIn: LogIn;
  readonly issuer: TokenIssuer;
  readonly authenticator: Authenticator;
  readonly requestLimit: RequestLimit;
  readonly uploadSlots: UploadSlots;
  readonly turns: Turns;
  readonly liveDigests: LiveDigests;
  readonly pulls: PullNotes;
  readonly recorder: Recorder;
  readonly scrubber: Scrubber;
  readonly sweeper: Sweeper;
  /** The registries that this one copies. */
  readonly cache: PullThroughCache;
  /** Undefined where nobody reads metrics. */
  readonly meter: Meter | undefined;
  readonly limits: ServerLimits;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Where clients reach the registry; undefined where each request says it. */
  readonly publicUrl: string | undefined;
  /** Whether a client at the address gets the bytes of blobs from us, wherever they are stored. */
  readonly isNear: (address: string) => boolean;
  /** Signs what the registry itself says of images. */
  readonly signer: Signer;
  /** Whom the pages show as signers; undefined where signatures are only counted. */
  readonly trust: TrustPolicy | undefined;
};
