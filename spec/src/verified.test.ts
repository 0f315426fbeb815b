import test from 'ava';
import fc from 'fast-check';
import { type DigestAlgorithm, digestOf } from './digest.ts';
import { SpecError, type SpecErrorCode } from './spec-error.ts';
import { type Expected, verified, verifiedBytes } from './verified.ts';

async function* from(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

function expectedOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Expected {
  return { digest: digestOf(bytes, algorithm), size: bytes.byteLength };
}

async function drain(source: AsyncIterable<Uint8Array>): Promise<{ bytes: Uint8Array; error: unknown }> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of source) chunks.push(chunk);
    return { bytes: Buffer.concat(chunks), error: undefined };
  } catch (error) {
    return { bytes: Buffer.concat(chunks), error };
  }
}

test('verified() passes on the right content unchanged', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array()),
      fc.constantFrom('sha256' as const, 'sha512' as const),
      async (chunks, algorithm) => {
        const whole = Buffer.concat(chunks);
        const { bytes, error } = await drain(verified(from(chunks), expectedOf(whole, algorithm)));
        t.is(error, undefined);
        t.true(whole.equals(bytes));
      },
    ),
  );
});

const content = new TextEncoder().encode('some content');

const wrong: readonly [
  name: string,
  chunks: Uint8Array[],
  code: SpecErrorCode,
  message: RegExp,
  passed: number,
][] = [
  [
    'one byte changed',
    [Buffer.from('Some content')],
    'CONTENT_MISMATCH',
    /should have the digest sha256:290f/,
    12,
  ],
  ['truncated', [content.subarray(0, 11)], 'CONTENT_SIZE', /has 11 bytes instead of 12/, 11],
  ['empty', [], 'CONTENT_SIZE', /has 0 bytes instead of 12/, 0],
  [
    'one byte more in the same piece',
    [Buffer.from('some content!')],
    'CONTENT_SIZE',
    /longer than its 12 bytes/,
    0,
  ],
  [
    'one byte more in a piece of its own',
    [content, Uint8Array.of(0)],
    'CONTENT_SIZE',
    /longer than its 12/,
    12,
  ],
];

for (const [name, chunks, code, message, passed] of wrong) {
  test(`verified() fails before the end and passes on nothing beyond the size: ${name}`, async (t) => {
    const { bytes, error } = await drain(verified(from(chunks), expectedOf(content)));
    t.true(error instanceof SpecError);
    t.is((error as SpecError).code, code);
    t.regex((error as SpecError).message, message);
    t.is(bytes.byteLength, passed);
  });

  test(`verifiedBytes() refuses: ${name}`, (t) => {
    t.throws(() => verifiedBytes(Buffer.concat(chunks), expectedOf(content)), {
      instanceOf: SpecError,
      code,
    });
  });
}

test('verified() stops an endless source and ends it', async (t) => {
  let ended = false;
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield content;
    } finally {
      ended = true;
    }
  }
  const { error } = await drain(verified(endless(), { ...expectedOf(content), size: 100 }));
  t.is((error as SpecError).code, 'CONTENT_SIZE');
  t.true(ended);
});

test('verified() ends the source when the consumer stops early', async (t) => {
  let ended = false;
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      yield content;
      yield content;
    } finally {
      ended = true;
    }
  }
  for await (const _ of verified(source(), expectedOf(content))) break;
  t.true(ended);
});

test('verified() hashes before it passes on, so a consumer may change the piece', async (t) => {
  const pieces = [Buffer.from('some '), Buffer.from('content')];
  for await (const piece of verified(from(pieces), expectedOf(content))) piece.fill(0);
  t.pass();
});

test('verifiedBytes() returns the right bytes', (t) => {
  t.is(verifiedBytes(content, expectedOf(content)), content);
});
