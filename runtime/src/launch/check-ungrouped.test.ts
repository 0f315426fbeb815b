import test from 'ava';
import { checkUngrouped } from './check-ungrouped.ts';

for (const [options, code, what] of [
  [{ memoryBytes: 64_000_000 }, 'HOST_UNSUPPORTED', 'a limit on memory '],
  [{ cpus: 1, pids: 3 }, 'HOST_UNSUPPORTED', 'a limit on cpus and pids '],
] as const) {
  test(`checkUngrouped() refuses ${JSON.stringify(options)}`, (t) => {
    const { message, hint } = t.throws(() => checkUngrouped(options), { code }) as Error & { hint?: string };
    t.true(message.startsWith(what));
    t.truthy(hint);
  });
}

test('checkUngrouped() refuses a network of its own to what nobody of img waits for', (t) => {
  const refused = () => checkUngrouped({ network: 'bridge' }, { isInUnit: true });
  const { hint } = t.throws(refused, { code: 'NETWORK_MISSING', message: /systemd/ }) as Error & {
    hint?: string;
  };
  t.truthy(hint);
});

test('checkUngrouped() allows what a user can have', (t) => {
  t.notThrows(() => checkUngrouped({ network: 'bridge' }));
  t.notThrows(() => checkUngrouped({ network: 'host', user: '1000', isWritable: true }));
  t.notThrows(() => checkUngrouped({ network: 'none' }));
  t.notThrows(() => checkUngrouped({}));
});
