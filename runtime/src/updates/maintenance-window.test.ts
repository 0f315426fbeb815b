import test from 'ava';
import { isInWindow, parseMaintenanceWindow } from './maintenance-window.ts';

// 22 November 2026 is a Sunday.
const at = (day: number, hours: number, minutes = 0) => new Date(2026, 10, 22 + day, hours, minutes);

for (const [window, moment, isIn, reason] of [
  ['02:00-04:00', at(0, 2), true, 'its first minute'],
  ['02:00-04:00', at(3, 3, 59), true, 'its last, on any day'],
  ['02:00-04:00', at(0, 4), false, 'its end'],
  ['02:00-04:00', at(0, 1, 59), false, 'before it'],
  ['Sat,Sun 02:00-04:00', at(0, 3), true, 'a Sunday'],
  ['Sat,Sun 02:00-04:00', at(1, 3), false, 'a Monday'],
  ['Sun 22:00-04:00', at(0, 23), true, 'before midnight'],
  ['Sun 22:00-04:00', at(1, 3), true, 'after it, which is Monday'],
  ['Sun 22:00-04:00', at(0, 3), false, 'the night before'],
  ['Sun 22:00-04:00', at(1, 23), false, 'the night after'],
] as const) {
  test(`isInWindow() of ${window}: ${reason}`, (t) =>
    t.is(isInWindow(parseMaintenanceWindow(window), moment), isIn));
}

for (const text of [
  '',
  '2:00-4:00',
  '24:00-01:00',
  '02:60-03:00',
  '02:00-02:00',
  'Day 02:00-03:00',
  'Sat 02:00',
]) {
  test(`parseMaintenanceWindow() refuses ${JSON.stringify(text)}`, (t) => {
    t.throws(() => parseMaintenanceWindow(text), { code: 'APP_INVALID', message: /should be such as/ });
  });
}
