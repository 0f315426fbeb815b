import { quote } from '@img/spec/quote';
import { RuntimeError } from '../runtime-error.ts';

/** Hours of some days of the week, in the time of the host. */
export type MaintenanceWindow = {
  /** 0 is Sunday, as `Date` counts; the day on which it begins. */
  readonly days: ReadonlySet<number>;
  /** Minutes after midnight. */
  readonly from: number;
  /** Not after `from` if it ends on the next day. */
  readonly to: number;
};

const dayNames = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/**
 * Reads `02:00-04:00`, or `Sat,Sun 22:00-04:00`.
 *
 * @throws RuntimeError APP_INVALID
 */
export function parseMaintenanceWindow(text: string): MaintenanceWindow {
  const match = /^(?:([A-Z][a-z]{2}(?:,[A-Z][a-z]{2})*) )?(\d\d:\d\d)-(\d\d:\d\d)$/.exec(text);
  const names = match?.[1]?.split(',') ?? dayNames;
  const days = names.map((name) => dayNames.indexOf(name));
  const [from, to] = [minutesOf(match?.[2]), minutesOf(match?.[3])];
  if (match !== null && from !== undefined && to !== undefined && !days.includes(-1) && from !== to) {
    return { days: new Set(days), from, to };
  }
  throw new RuntimeError(
    'APP_INVALID',
    `window ${quote(text)} should be such as 02:00-04:00 or Sat,Sun 22:00-04:00`,
  );
}

/** Whether a moment is in the window. */
export function isInWindow({ days, from, to }: MaintenanceWindow, now: Date): boolean {
  const minutes = now.getHours() * 60 + now.getMinutes();
  const today = now.getDay();
  if (from < to) return days.has(today) && minutes >= from && minutes < to;
  const yesterday = (today + 6) % 7;
  return (days.has(today) && minutes >= from) || (days.has(yesterday) && minutes < to);
}

function minutesOf(text = ''): number | undefined {
  const [hours = 99, minutes = 99] = text.split(':').map(Number);
  return hours < 24 && minutes < 60 ? hours * 60 + minutes : undefined;
}
