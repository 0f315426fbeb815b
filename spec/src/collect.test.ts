import test from 'ava';
import fc from 'fast-check';
import { collect } from './collect.ts';
import { SpecError } from './spec-error.ts';

async function* from(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

test('collect() joins the pieces', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 50_000 }), { maxLength: 5 }), async (chunks) => {
      const whole = Buffer.concat(chunks);
      t.deepEqual(await collect(from(chunks), whole.byteLength, 'it'), new Uint8Array(whole));
    }),
    { numRuns: 30 },
  );
});

test('collect() reads nothing into an empty array', async (t) => {
  t.deepEqual(await collect(from([]), 0, 'it'), new Uint8Array());
});

test('collect() refuses one byte too many and ends the source', async (t) => {
  let ended = false;
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield new Uint8Array(4);
    } finally {
      ended = true;
    }
  }
  await t.throwsAsync(collect(source(), 10, 'manifest'), {
    instanceOf: SpecError,
    code: 'CONTENT_SIZE',
    message: 'manifest is longer than the 10 bytes allowed',
  });
  t.true(ended);
});

test('collect() copies, so that a source may reuse its buffer', async (t) => {
  const buffer = new Uint8Array(2);
  async function* source(): AsyncGenerator<Uint8Array> {
    for (const value of [1, 2, 3]) {
      buffer.fill(value);
      yield buffer;
    }
  }
  t.deepEqual(await collect(source(), 6, 'it'), Uint8Array.of(1, 1, 2, 2, 3, 3));
  const [only] = [Uint8Array.of(7)];
  const result = await collect(from([only as Uint8Array]), 6, 'it');
  (only as Uint8Array)[0] = 8;
  t.deepEqual(result, Uint8Array.of(7));
});

test('collect() takes a million pieces of one byte', async (t) => {
  const size = 1_000_000;
  const result = await collect(from(Array(size).fill(Uint8Array.of(1))), size, 'it');
  t.is(result.byteLength, size);
  t.true(result.every((byte) => byte === 1));
});

test('collect() passes on the error of the source', async (t) => {
  const failure = new Error('broken');
  async function* source(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(1);
    throw failure;
  }
  t.is(await t.throwsAsync(collect(source(), 6, 'it')), failure);
});
