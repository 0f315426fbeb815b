import test from 'ava';
import fc from 'fast-check';
import { TestLog, testWitness } from '../testing/test-log.ts';
import { checkProof } from './check-proof.ts';
import { checkLog, isSameLog, type KnownLog } from './known-log.ts';
import { encodeProof, parseProof } from './tlog-proof.ts';

const entry = Buffer.from('an entry');
const [w1, w2, w3] = [1, 2, 3].map((n) => testWitness(`w${n}.example`, 90 + n)) as [never, never, never];
const known = (log: TestLog, witnesses: readonly { key: never }[] = [], requireWitnesses = 0): KnownLog => ({
  key: log.key,
  witnesses: witnesses.map(({ key }) => key),
  requireWitnesses,
});

async function logged() {
  const log = new TestLog();
  for (let n = 0; n < 10; n += 1) log.append(Buffer.from(`before ${n}`));
  const index = log.append(entry);
  log.append(Buffer.from('after'));
  return { log, index };
}

test('checkProof() finds an entry where the log has it', async (t) => {
  const { log, index } = await logged();
  t.like(checkProof(entry, await log.prove(index), known(log)), { problem: undefined, index: 10, size: 12 });
  const single = new TestLog();
  single.append(entry);
  t.like(checkProof(entry, await single.prove(0), known(single)), { problem: undefined, index: 0 });
});

test('checkProof() counts witnesses that are known, each once', async (t) => {
  const { log, index } = await logged();
  const proof = await log.prove(index, [w1, w2]);
  const outcome = (witnesses: readonly never[], require: number) =>
    checkProof(entry, proof, known(log, witnesses, require)).problem;
  t.is(outcome([w1, w2, w3], 2), undefined);
  t.is(outcome([w1, w2, w3], 3), 'UNWITNESSED');
  t.is(outcome([w3], 1), 'UNWITNESSED', 'by others');
  t.regex(checkProof(entry, proof, known(log, [w1], 1)).message, /entry 10 of .*, seen by 1 witness/);
});

test('checkProof() believes nothing else', async (t) => {
  const { log, index } = await logged();
  const good = await log.prove(index);
  const other = new TestLog('log.example/com.example', 99);
  for (let n = 0; n <= index; n += 1) other.append(entry);
  const cases: readonly (readonly [proof: string | undefined, problem: string, reason: string])[] = [
    [undefined, 'NOT_LOGGED', 'no proof'],
    ['', 'PROOF_INVALID', 'an empty one'],
    [await log.prove(0), 'PROOF_INVALID', 'the proof of another entry'],
    [await other.prove(index), 'PROOF_INVALID', 'a log with the same name and another key'],
    [good.replace('index 10', 'index 11'), 'PROOF_INVALID', 'another place'],
    [good.replace('\n12\n', '\n13\n'), 'PROOF_INVALID', 'a changed checkpoint'],
    [good.slice(0, good.indexOf('\n\n')), 'PROOF_INVALID', 'no checkpoint'],
  ];
  for (const [proof, problem, reason] of cases) {
    t.is(checkProof(entry, proof, known(log)).problem as string, problem, reason);
  }
  t.is(checkProof(Buffer.from('an entry!'), good, known(log)).problem, 'PROOF_INVALID', 'another entry');
});

test('checkProof() survives whatever somebody attaches', async (t) => {
  const { log, index } = await logged();
  const good = await log.prove(index);
  const property = fc.property(
    fc.nat(good.length - 1),
    fc.string({ minLength: 1, maxLength: 3 }),
    (at, text) => {
      const changed = good.slice(0, at) + text + good.slice(at + text.length);
      const { problem } = checkProof(entry, changed, known(log));
      // Other lines beside its own signature may be whatever they are; here there is none.
      return changed === good || problem === 'PROOF_INVALID';
    },
  );
  t.notThrows(() => fc.assert(property, { seed: 1, numRuns: 300 }));
});

test('parseProof() reads what encodeProof() wrote, and leaves extra data aside', (t) => {
  const proof = {
    index: 7,
    hashes: [new Uint8Array(32).fill(1)],
    checkpoint: 'log\n8\nroot\n\n— log AAAA\n',
  };
  const text = encodeProof(proof);
  t.deepEqual(parseProof(text), proof);
  t.deepEqual(parseProof(text.replace('index', 'extra AAAA\nindex')), proof);
});

const bad: readonly (readonly [change: (proof: string) => string, reason: string])[] = [
  [(text) => text.replace('@v1', '@v2'), 'another version'],
  [(text) => text.replace('index 7', 'index 07'), 'an index with a zero in front'],
  [(text) => text.replace('index 7', 'index -7'), 'an index below zero'],
  [(text) => text.replace('index 7', 'index 9999999999999999'), 'an index that is no exact number'],
  [(text) => text.replace('index 7\n', ''), 'no index'],
  [(text) => text.replace('AQEB', 'AQE='), 'a short hash'],
  [(text) => text.replace('AQEB', '!QEB'), 'no base64'],
  [
    (text) => text.replace('\n\n', `\n${`${'A'.repeat(43)}=\n`.repeat(63)}\n`),
    'more hashes than any log needs',
  ],
  [(text) => text + 'x'.repeat(70_000), 'more than a proof may have'],
];
test('parseProof() refuses what is no proof', (t) => {
  const text = encodeProof({ index: 7, hashes: [new Uint8Array(32).fill(1)], checkpoint: 'c' });
  for (const [change, reason] of bad)
    t.throws(() => parseProof(change(text)), { code: 'PROOF_INVALID' }, reason);
});

test('checkLog() refuses logs that nobody can believe', (t) => {
  const log = new TestLog();
  t.truthy(checkLog(known(log, [w1, w2], 1)));
  const refuses = (value: KnownLog, message: RegExp) =>
    t.throws(() => checkLog(value), { code: 'POLICY_INVALID', message });
  refuses(known(log, [w1], 2), /requires 2 of 1 witnesses/);
  refuses(known(log, [w1, w1], 1), /lists a witness twice/);
  refuses({ ...known(log), witnesses: [log.key], requireWitnesses: 0 }, /has the key of a log/);
  refuses({ ...known(log), key: (w1 as { key: never }).key }, /has the key of a witness/);
});

test('isSameLog() compares keys, witnesses and how many are required', (t) => {
  const log = new TestLog();
  t.true(isSameLog(known(log, [w1, w2], 1), known(log, [w2, w1], 1)));
  t.false(isSameLog(known(log, [w1, w2], 1), known(log, [w1, w3], 1)));
  t.false(isSameLog(known(log, [w1, w2], 1), known(log, [w1, w2], 2)));
  t.false(isSameLog(known(log), known(new TestLog('other.example'))));
});
