import { quote } from '@img/spec/quote';
import { SignError } from './sign-error.ts';

declare const unixTimeBrand: unique symbol;

/** Seconds since 1970-01-01T00:00:00Z, before the year 10000; a type of its own so that milliseconds don't pass. */
export type UnixTime = number & { readonly [unixTimeBrand]: true };

/** 9999-12-31T23:59:59Z, the last second that RFC 3339 can write. */
export const latestUnixTime = 253_402_300_799 as UnixTime;

/** @throws SignError STATEMENT_INVALID for anything but a whole number of seconds in the range */
export function unixTime(seconds: number): UnixTime {
  if (!Number.isSafeInteger(seconds) || seconds < 0 || seconds > latestUnixTime) {
    throw new SignError(
      'STATEMENT_INVALID',
      `time ${quote(seconds)} should be whole seconds since 1970 and before the year 10000`,
    );
  }
  return seconds as UnixTime;
}

/** The second that a date falls into. */
export function unixTimeOf(date: Date): UnixTime {
  return unixTime(Math.floor(date.getTime() / 1000));
}

/** `2026-11-22T00:00:00Z` */
export function formatUnixTime(time: UnixTime): string {
  return new Date(time * 1000).toISOString().replace('.000Z', 'Z');
}

/**
 * Parses the one spelling that {@link formatUnixTime} writes (RFC 3339 in UTC, whole seconds).
 *
 * @throws SignError STATEMENT_INVALID
 */
export function parseUnixTime(text: string): UnixTime {
  const seconds = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) ? Date.parse(text) / 1000 : Number.NaN;
  // Date.parse rolls 30 February over to March; writing the time again shows it.
  if (Number.isNaN(seconds) || seconds < 0 || formatUnixTime(unixTime(seconds)) !== text) {
    throw new SignError(
      'STATEMENT_INVALID',
      `time ${quote(text)} should be a UTC time since 1970 such as 2026-11-22T00:00:00Z`,
    );
  }
  return seconds as UnixTime;
}
