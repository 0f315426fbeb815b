import type { Digest } from '@img/spec/digest';
import type { ProcessIdentity } from '../state/process-identity.ts';

/** Numbers of an app's generations, from 1; a later one has a higher number. */
export type GenerationNumber = number;

export type Verdict = {
  readonly verdict: 'good' | 'bad';
  /** Why, for a bad one. */
  readonly reason?: string;
  /** RFC 3339. */
  readonly time: string;
};

/**
 * Everything about an app that changes, in one file, so that each change of it happens at once or not at all.
 */
export type AppState = {
  /** What a start of the app starts. */
  readonly current: GenerationNumber;
  /** While the current one has to prove itself: what takes its place if it fails, and who watches. */
  readonly trial?: { readonly previous: GenerationNumber; readonly updater: ProcessIdentity };
  readonly verdicts: { readonly [generation: string]: Verdict };
  /** Whether it stays as it is until somebody says otherwise. */
  readonly isPinned: boolean;
  /** The folder whose files say what it shall be; absent if somebody has installed it. */
  readonly appliedFrom?: string;
  /** When this host first saw an image that may become a generation; RFC 3339. */
  readonly seen: { readonly [digest: string]: string };
};

/** An app of which nothing is known but its first generation. */
export function firstState(current: GenerationNumber): AppState {
  return { current, verdicts: {}, isPinned: false, seen: {} };
}

/** From now on another generation is started, on trial. */
export function beginTrial(state: AppState, current: GenerationNumber, updater: ProcessIdentity): AppState {
  // Of a trial that nobody ended, what was there before it counts.
  const previous = state.trial?.previous ?? state.current;
  return { ...state, current, trial: { previous, updater } };
}

/** The generation has proved itself. */
export function confirm({ trial: _, ...state }: AppState, time: Date): AppState {
  return judged(state, state.current, { verdict: 'good', time: time.toISOString() });
}

/** The generation has failed: what was there before is current again, and this one is never chosen by itself. */
export function reject({ trial, ...state }: AppState, reason: string, time: Date): AppState {
  const verdict: Verdict = { verdict: 'bad', reason, time: time.toISOString() };
  return judged({ ...state, current: trial?.previous ?? state.current }, state.current, verdict);
}

/** Ends a trial without a verdict: nobody could watch it to its end. */
export function abandon({ trial, ...state }: AppState): AppState {
  return { ...state, current: trial?.previous ?? state.current };
}

/** Somebody wants another generation instead of the current one, which is never chosen by itself again. */
export function goBack(state: AppState, target: GenerationNumber, time: Date): AppState {
  const { current } = state;
  const { [String(target)]: _, ...verdicts } = state.verdicts;
  const left = reject({ ...state, verdicts }, `rolled back to ${target} by hand`, time);
  return { ...(target === current ? abandon({ ...state, verdicts }) : left), current: target };
}

/** Remembers when an image was first seen; of others than these nothing is remembered. */
export function rememberSeen(state: AppState, digest: Digest, time: Date): AppState {
  const known = state.seen[digest];
  return { ...state, seen: { [digest]: known ?? time.toISOString() } };
}

function judged(state: Omit<AppState, 'trial'>, generation: GenerationNumber, verdict: Verdict): AppState {
  return { ...state, verdicts: { ...state.verdicts, [String(generation)]: verdict } };
}
