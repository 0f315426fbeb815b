import { emptyRoot } from '@img/sign/log/tree-hash';
import test from 'ava';
import { entriesOf, followLog } from './follow-log.ts';
import { memoryKey, memoryLog, treeOf } from './testing/memory-log.ts';

const entryOf = (n: number) => new Uint8Array(Buffer.from(`entry ${n}`));
const entries = Array.from({ length: 600 }, (_, n) => entryOf(n));
const forked = entries.with(100, entryOf(-1));

async function follow(reader: ReturnType<typeof memoryLog>, since = { size: 0, root: emptyRoot }) {
  const seen: number[] = [];
  const now = await followLog(reader, memoryKey, { since, onEntry: (index) => seen.push(index) });
  return { now, seen };
}

test('followLog() reads what came since, over the ends of tiles', async (t) => {
  for (const [begin, end] of [
    [0, 0],
    [0, 1],
    [0, 600],
    [255, 257],
    [256, 512],
    [600, 600],
  ] as const) {
    const before = entries.slice(0, begin);
    const { now, seen } = await follow(memoryLog(entries.slice(0, end)), treeOf(before));
    t.is(now.size, end);
    t.deepEqual(
      seen,
      Array.from({ length: end - begin }, (_, at) => begin + at),
      `${begin} to ${end}`,
    );
  }
});

const lies: readonly (readonly [reader: ReturnType<typeof memoryLog>, message: RegExp, reason: string])[] = [
  [memoryLog(entries.slice(0, 299)), /has 299 entries, and had 300 before/, 'entries are gone'],
  [memoryLog(forked), /first 300 entries are not those that it had before/, 'another past'],
  [memoryLog(forked, entries), /first 300 entries are not/, 'another past than it has signed'],
  [
    memoryLog(entries, forked),
    /600 entries are not those that it has signed/,
    'another past that it has signed',
  ],
  [memoryLog(entries.with(599, entryOf(-1)), entries), /not those that it has signed/, 'another end'],
];
test('followLog() notices whatever a log changes', async (t) => {
  for (const [reader, message, reason] of lies) {
    const since = treeOf(entries.slice(0, 300));
    await t.throwsAsync(follow(reader, since), { code: 'LOG_INCONSISTENT', message }, reason);
  }
  const broken = { ...memoryLog(entries), tile: async () => new Uint8Array(7) };
  await t.throwsAsync(follow(broken), { code: 'LOG_INCONSISTENT' }, 'tiles of nothing');
  const unsigned = { ...memoryLog(entries), checkpoint: async () => 'log.example/com.example\n0\n' };
  await t.throwsAsync(follow(unsigned), { code: 'NOTE_INVALID' }, 'nothing signed');
});

test('entriesOf() gives the last ones without reading the others', async (t) => {
  const log = memoryLog(entries);
  const asked: number[] = [];
  const tile: typeof log.tile = async (wanted) => {
    asked.push(wanted.index);
    return log.tile(wanted);
  };
  const reader = { ...log, tile };
  const found = await Array.fromAsync(entriesOf(reader, { begin: 510, end: 514 }));
  t.deepEqual(
    found,
    [510, 511, 512, 513].map((n) => [n, entryOf(n)]),
  );
  t.deepEqual(asked, [1, 2]);
});
