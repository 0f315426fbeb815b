import { spawn } from 'node:child_process';
import process from 'node:process';
import test from 'ava';
import { ownProcessName, processState } from './process-name.ts';

test('ownProcessName() is the same each time, and means this process', async (t) => {
  const name = await ownProcessName();
  t.is(await ownProcessName(), name);
  t.is(await processState(name), 'runs');
  t.is(name.split('.')[2], String(process.pid));
});

test('processState() tells a process that has ended', async (t) => {
  const [boot, namespace] = (await ownProcessName()).split('.');
  const child = spawn('true');
  const { pid } = child;
  await new Promise((resolve) => child.once('close', resolve));
  t.is(await processState(`${boot}.${namespace}.${pid}.1`), 'ended');
});

for (const [why, change, expected] of [
  ['another start time, so the number was given again', [3, '1'], 'ended'],
  ['another boot', [0, 'abcdef'], 'ended'],
  ['another process namespace, where numbers mean nothing here', [1, '1'], 'unknown'],
] as const) {
  test(`processState() of ${why} is ${expected}`, async (t) => {
    const parts = (await ownProcessName()).split('.');
    parts[change[0]] = change[1];
    t.is(await processState(parts.join('.')), expected);
  });
}

for (const name of ['', 'stray', '1.2.3', 'a.b.c.d']) {
  test(`processState() of ${JSON.stringify(name)}, which is no name, is ended`, async (t) => {
    t.is(await processState(name), 'ended');
  });
}
