import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { memoryKey, memoryLog } from '@img/registry/log/testing/memory-log';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { signedEvidence } from '@img/sign/testing/test-evidence';
import { testKey } from '@img/sign/testing/test-keys';
import test, { type ExecutionContext } from 'ava';
import { alarmAdvice } from './alarm-advice.ts';
import { LogMemory } from './log-memory.ts';
import { type MonitorRequest, monitorLog } from './monitor-log.ts';

const bundleOf = async (n: number, sequence: number) =>
  (await signedEvidence(testKey(n), { sequence })).bundles[0] as Uint8Array;

async function stage(t: ExecutionContext) {
  const folder = temporaryFolder(t);
  const memory = new LogMemory(folder);
  const entries = [await bundleOf(1, 1), await bundleOf(2, 2), new Uint8Array(Buffer.from('nonsense'))];
  const monitor = (change: Partial<MonitorRequest> & Pick<MonitorRequest, 'reader'>) =>
    monitorLog({
      log: memoryKey,
      memory,
      ownKeys: [testKey(1).publicKey],
      isOwn: () => false,
      isAcknowledged: false,
      signal: new AbortController().signal,
      ...change,
    });
  return { folder, memory, entries, monitor };
}

test('monitorLog() tells what own keys have signed elsewhere until somebody has looked at it', async (t) => {
  const { entries, monitor } = await stage(t);
  const reader = memoryLog(entries);
  t.like(await monitor({ reader, isOwn: () => true }), { added: 3, strange: [], alarms: [] });
  const more = memoryLog([...entries, await bundleOf(1, 3), await bundleOf(2, 3)]);
  const found = await monitor({ reader: more });
  t.deepEqual(
    found.strange.map(({ index, statement }) => [index, statement?.sequence]),
    [[3, 3]],
  );
  t.like(await monitor({ reader: more }), { added: 0, strange: [], alarms: [3] });
  t.like(await monitor({ reader: more, isAcknowledged: true }), { alarms: [] });
  t.like(await monitor({ reader: more }), { alarms: [] });
});

test('monitorLog() takes nobody for own who only says so', async (t) => {
  const { monitor } = await stage(t);
  const text = Buffer.from(await bundleOf(2, 1)).toString();
  const [own, other] = [testKey(1), testKey(2)];
  const forged = new Uint8Array(
    Buffer.from(text.replaceAll(other.publicKey.fingerprint, own.publicKey.fingerprint)),
  );
  t.like(await monitor({ reader: memoryLog([forged]) }), { added: 1, strange: [] });
});

test('monitorLog() notices a fork, and remembers what it saw before', async (t) => {
  const { entries, monitor } = await stage(t);
  await monitor({ reader: memoryLog(entries) });
  const forked = memoryLog([...entries.with(1, await bundleOf(2, 7)), await bundleOf(2, 8)]);
  for (let n = 0; n < 2; n += 1) {
    await t.throwsAsync(monitor({ reader: forked }), {
      code: 'LOG_INCONSISTENT',
      message: /first 3 entries/,
    });
  }
  await t.throwsAsync(monitor({ reader: memoryLog(entries.slice(0, 2)) }), { code: 'LOG_INCONSISTENT' });
  t.like(await monitor({ reader: memoryLog([...entries, await bundleOf(2, 8)]) }), { added: 1 });
});

test('alarmAdvice() promises an end to the alarm of own keys only', (t) => {
  const [acknowledge, stays] = [/--acknowledge ends the alarm$/, /contradicts itself .* stays an alarm$/];
  for (const [isForked, isStrange, ...lines] of [
    [true, false, stays],
    [false, true, acknowledge],
    [true, true, stays, acknowledge],
  ] as const) {
    const advice = alarmAdvice({ isForked, isStrange });
    t.is(advice.length, lines.length);
    for (const [index, line] of lines.entries()) t.regex(advice[index] ?? '', line);
  }
});

test('LogMemory refuses what was changed', async (t) => {
  const { folder, memory, entries, monitor } = await stage(t);
  t.is(await memory.recall(memoryKey.key.name), undefined);
  await monitor({ reader: memoryLog(entries) });
  const [file = ''] = await readdir(folder);
  const good = await readFile(join(folder, file), 'utf8');
  for (const bad of ['', '{}', good.replaceAll('com.example', 'org.example'), good.slice(1)]) {
    await writeFile(join(folder, file), bad);
    await t.throwsAsync(memory.recall(memoryKey.key.name), { code: 'CONFIG_INVALID', message: /is damaged/ });
  }
});
