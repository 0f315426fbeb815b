import { randomBytes } from 'node:crypto';
import { mediaTypes } from '@img/spec/media-types';
import { verified } from '@img/spec/verified';
import test, { type ExecutionContext } from 'ava';
import { contentOf, readAll } from '../testing/content.ts';
import { endlessBody, onRoute, truncatedBody, wrongDigest, wrongSize } from '../testing/misbehaviours.ts';
import type { Misbehaviour, RegistryDouble } from '../testing/registry-double.ts';
import { app, clientOf, startDouble } from '../testing/start-double.ts';
import type { RegistryRepository } from './registry-repository.ts';

const { descriptor, bytes } = contentOf(randomBytes(300_000));

async function setUp(
  t: ExecutionContext,
): Promise<{ double: RegistryDouble; repository: RegistryRepository }> {
  const double = await startDouble(t);
  double.addBlob(bytes);
  return { double, repository: clientOf(t, double).repository(app, 'pull') };
}

for (const offset of [0, 1, 299_999, 300_000]) {
  test(`getBlob() reads from ${offset} to the end`, async (t) => {
    const { repository } = await setUp(t);
    t.true(
      Buffer.from(await readAll(repository.getBlob(descriptor, { offset }))).equals(bytes.subarray(offset)),
    );
  });
}

test('getBlob() asks for an empty blob, too, to see that it is there', async (t) => {
  const { double, repository } = await setUp(t);
  const empty = contentOf('');
  await t.throwsAsync(readAll(repository.getBlob(empty.descriptor)), { code: 'CONTENT_MISSING' });
  double.addBlob(empty.bytes);
  t.is((await readAll(repository.getBlob(empty.descriptor))).byteLength, 0);
});

test('getBlob() takes a broken transfer up where it broke', async (t) => {
  const { double, repository } = await setUp(t);
  double.misbehaveTimes(1, truncatedBody(double, descriptor.digest));
  const all = await readAll(verified(repository.getBlob(descriptor), descriptor));
  t.is(all.byteLength, bytes.byteLength);
  t.deepEqual(
    double.headers.map(({ range }) => range),
    [undefined, 'bytes=150000-'],
  );
});

test('getBlob() skips what it has where the registry does not know ranges', async (t) => {
  const { double, repository } = await setUp(t);
  double.misbehave(ignoringRanges(double));
  double.misbehaveTimes(1, truncatedBody(double, descriptor.digest));
  await t.notThrowsAsync(readAll(verified(repository.getBlob(descriptor), descriptor)));
  t.is(double.requests.length, 2);
});

test('getBlob() gives up when a registry sends less and less', async (t) => {
  const { double, repository } = await setUp(t);
  double.misbehave(truncatedBody(double, descriptor.digest));
  await t.throwsAsync(readAll(repository.getBlob(descriptor)), {
    code: 'ANSWER_TRUNCATED',
    message: /ended after 150000 of 300000 bytes/,
  });
});

test('getBlob() leaves a wrong digest to whoever reads it', async (t) => {
  const { double, repository } = await setUp(t);
  double.misbehave(wrongDigest(double, descriptor.digest));
  await t.throwsAsync(readAll(verified(repository.getBlob(descriptor), descriptor)), {
    code: 'CONTENT_MISMATCH',
  });
});

test('getBlob() refuses a blob of another size by its headers', async (t) => {
  const { double, repository } = await setUp(t);
  double.misbehave(wrongSize(double, descriptor.digest));
  await t.throwsAsync(readAll(repository.getBlob(descriptor)), {
    code: 'SIZE_MISMATCH',
    message: /has 299999 bytes instead of 300000/,
  });
});

test('getBlob() ends an endless body at the size of the blob', async (t) => {
  const { double, repository } = await setUp(t);
  double.misbehave(endlessBody('blob', mediaTypes.octetStream));
  let received = 0;
  await t.throwsAsync(
    async () => {
      for await (const chunk of repository.getBlob(descriptor)) received += chunk.byteLength;
    },
    { code: 'ANSWER_TOO_LONG' },
  );
  t.true(received <= bytes.byteLength);
});

for (const [why, headers, status, code] of [
  ['encoded content', { 'content-encoding': 'gzip' }, 200, 'ANSWER_INVALID'],
  ['another range than asked for', { 'content-range': 'bytes 7-9/10' }, 206, 'ANSWER_INVALID'],
  ['a part without saying which', {}, 206, 'ANSWER_INVALID'],
] as const) {
  test(`getBlob() refuses ${why}`, async (t) => {
    const { double, repository } = await setUp(t);
    double.misbehave(
      onRoute('blob', ({ response }) => {
        response.writeHead(status, headers).end(bytes);
        return true;
      }),
    );
    await t.throwsAsync(readAll(repository.getBlob(descriptor, { offset: 5 })), { code });
  });
}

test('getBlob() of what is not there says so', async (t) => {
  const { repository, double } = await setUp(t);
  const missing = contentOf('missing').descriptor;
  await t.throwsAsync(readAll(repository.getBlob(missing)), {
    code: 'CONTENT_MISSING',
    message: `could not get blob ${missing.digest} of ${double.host}/${app}: 404 BLOB_UNKNOWN "test: blob_unknown"`,
  });
});

test('getBlob() lets its connection go when its reader stops', async (t) => {
  const { double, repository } = await setUp(t);
  let isClosed = Promise.resolve();
  double.misbehave(
    onRoute('blob', ({ response }) => {
      isClosed = new Promise((resolve) => response.on('close', resolve));
      response.writeHead(200, { 'content-length': bytes.byteLength }).write(bytes.subarray(0, 1000));
      return true;
    }),
  );
  for await (const chunk of repository.getBlob(descriptor)) {
    t.is(chunk.byteLength, 1000);
    break;
  }
  await isClosed;
});

test('getBlob() ends with the reason when it is aborted in the middle', async (t) => {
  const { double, repository } = await setUp(t);
  const controller = new AbortController();
  double.misbehave(
    onRoute('blob', ({ response }) => {
      response.writeHead(200, { 'content-length': bytes.byteLength }).write(bytes.subarray(0, 1000));
      return true;
    }),
  );
  await t.throwsAsync(
    async () => {
      for await (const chunk of repository.getBlob(descriptor, { signal: controller.signal })) {
        t.true(chunk.byteLength > 0);
        controller.abort(new Error('enough'));
      }
    },
    { message: 'enough' },
  );
});

function ignoringRanges(double: RegistryDouble): Misbehaviour {
  return onRoute('blob', ({ response }) => {
    const whole = double.blobs.get(descriptor.digest) ?? new Uint8Array();
    response.writeHead(200, { 'content-length': whole.byteLength }).end(whole);
    return true;
  });
}
