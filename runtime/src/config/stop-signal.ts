import { constants } from 'node:os';
import { quote } from '@img/spec/quote';
import { RuntimeError } from '../runtime-error.ts';

// The C library keeps 32 and 33 for itself, so the first real-time signal that programs see is 34 (signal(7)).
const firstRealTime = 34;
const lastRealTime = 64;

/**
 * The number of the signal that ends the app: `SIGTERM`, `TERM`, `15`, `SIGRTMIN+3` and the like; SIGTERM where
 * the image names none. Runtimes are given the number, because they don't all know the same names.
 *
 * @throws RuntimeError SIGNAL_UNKNOWN
 */
export function parseStopSignal(text: string | undefined): number {
  if (text === undefined || text === '') return constants.signals.SIGTERM;
  const number = /^\d{1,2}$/.test(text) ? Number(text) : namedSignal(text.toUpperCase());
  if (number !== undefined && number >= 1 && number <= lastRealTime) return number;
  throw new RuntimeError(
    'SIGNAL_UNKNOWN',
    `stop signal ${quote(text)} should be a name such as SIGTERM or SIGRTMIN+3, or a number from 1 to ${lastRealTime}`,
  );
}

function namedSignal(upper: string): number | undefined {
  const name = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  const realTime = /^SIGRT(?:MIN(?:\+(\d{1,2}))?|MAX(?:-(\d{1,2}))?)$/.exec(name);
  if (realTime === null) {
    return Object.hasOwn(constants.signals, name)
      ? constants.signals[name as keyof typeof constants.signals]
      : undefined;
  }
  const number = name.startsWith('SIGRTMIN')
    ? firstRealTime + Number(realTime[1] ?? 0)
    : lastRealTime - Number(realTime[2] ?? 0);
  return number >= firstRealTime && number <= lastRealTime ? number : undefined;
}
