/** Upper bounds on what one request may cost; those of the formats are in `@img/spec/limits`. */
export type ServerLimits = {
  /** The largest blob that is taken. */
  readonly blobBytes: number;
  /** Tags in one manifest push; the specification asks for ten at least. */
  readonly tagsPerPush: number;
  /** Requests of one user, or of one address without a user, per second on average; 0 for any number. */
  readonly requestsPerSecond: number;
  /** How many of them at once before that is felt. */
  readonly requestsAtOnce: number;
  /** Bodies of blobs that one process, each worker for itself, takes from one user at the same time. */
  readonly uploadsAtOnce: number;
  /** A body that brings less than {@link slowBodyBytes} in this time, not counting our own work, is given up. */
  readonly slowBodyMs: number;
  readonly slowBodyBytes: number;
  /** The head of a request that takes longer is given up. */
  readonly headMs: number;
  /** A connection on which nothing moves for this long is cut. */
  readonly idleMs: number;
  /** What is left of a body after its answer is read for this long, so that the client gets to see the answer. */
  readonly lingerMs: number;
  /** An upload is noted in the metadata whenever this much more of it is stored. */
  readonly checkpointBytes: number;
  /** An upload that nobody touches for this long is cleaned up. */
  readonly uploadMs: number;
  /** What is pushed or was needed stays this long without a manifest that needs it. */
  readonly unneededMs: number;
  /** Time between two times that what a repository keeps is looked at. */
  readonly retentionMs: number;
  /** How long a witness of a transparency log has to answer. */
  readonly witnessMs: number;
  /** How long a manifest that was pushed waits for others that are noted in storage together with it. */
  readonly recordMs: number;
  /** Time between two snapshots of tags and accounts in storage. */
  readonly snapshotMs: number;
  /** How long a registry that this one copies has to answer, not counting blobs. */
  readonly upstreamMs: number;
  /** How long one that failed isn't asked about what is here. */
  readonly upstreamPauseMs: number;
  /** Time between two rounds of cleaning up. */
  readonly sweepMs: number;
};

const secondMs = 1000;
const hourMs = 3600 * secondMs;

export const defaultLimits: ServerLimits = {
  blobBytes: 1024 ** 4,
  tagsPerPush: 100,
  requestsPerSecond: 0,
  requestsAtOnce: 1000,
  uploadsAtOnce: 100,
  slowBodyMs: 60 * secondMs,
  slowBodyBytes: 16 * 1024,
  headMs: 30 * secondMs,
  idleMs: 120 * secondMs,
  lingerMs: 5 * secondMs,
  checkpointBytes: 64 * 1024 ** 2,
  uploadMs: 24 * hourMs,
  unneededMs: 24 * hourMs,
  retentionMs: hourMs,
  witnessMs: 5 * secondMs,
  recordMs: secondMs / 5,
  snapshotMs: hourMs / 4,
  upstreamMs: 10 * secondMs,
  upstreamPauseMs: 10 * secondMs,
  sweepMs: 60 * secondMs,
};

/** The part of the limits that one of so many workers allows, where it is all of them together that are limited. */
export function shareOf(limits: ServerLimits, workers: number): ServerLimits {
  return {
    ...limits,
    requestsPerSecond: limits.requestsPerSecond / workers,
    requestsAtOnce: Math.ceil(limits.requestsAtOnce / workers),
  };
}
