import test from 'ava';
import { DetachKeys } from './detach-keys.ts';

for (const [pieces, passed, reason] of [
  [['ls\r'], ['ls\r'], 'what is typed'],
  [['\u0003\u0011'], ['\u0003\u0011'], 'other keys with control, and the second one alone'],
  [['a\u0010b'], ['a\u0010b'], 'the first one, once something else comes'],
  [['a\u0010', 'b'], ['a', '\u0010b'], 'it is held back until then'],
  [['\u0010\u0010', 'x'], ['\u0010', '\u0010x'], 'twice the first one is one of them, and another'],
  [['a\u0010\u0011b'], [undefined], 'both'],
  [['a\u0010', '\u0011'], ['a', undefined], 'both, in two pieces'],
  [['\u0010\u0010\u0011'], [undefined], 'both after the first one'],
] as const) {
  test(`DetachKeys of ${JSON.stringify(pieces)}: ${reason}`, (t) => {
    const keys = new DetachKeys();
    const got = pieces.map((piece) => keys.pass(Buffer.from(piece)));
    t.deepEqual(
      got.map((bytes) => (bytes === undefined ? undefined : Buffer.from(bytes).toString())),
      [...passed],
    );
  });
}
