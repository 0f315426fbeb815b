import { randomBytes } from 'node:crypto';
import { digestOf } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import test, { type ExecutionContext } from 'ava';
import { contentOf, opened } from '../testing/content.ts';
import { answering, onRoute } from '../testing/misbehaviours.ts';
import { type Misbehaviour, type RegistryDouble, refuse } from '../testing/registry-double.ts';
import { app, clientOf, startDouble } from '../testing/start-double.ts';
import { addTokenService } from '../testing/token-service.ts';
import type { RegistryRepository } from './registry-repository.ts';

const { descriptor, bytes } = contentOf(randomBytes(3_000_000));
const request = { descriptor };

async function setUp(
  t: ExecutionContext,
): Promise<{ double: RegistryDouble; repository: RegistryRepository }> {
  const double = await startDouble(t);
  return { double, repository: clientOf(t, double).repository(app, 'push') };
}

test('presentBlobs() tells what the repository has', async (t) => {
  const { double, repository } = await setUp(t);
  const others = Array.from({ length: 30 }, (_, index) => contentOf(`blob ${index}`));
  for (const { bytes: content } of others.slice(0, 10)) double.addBlob(content);
  const present = await repository.presentBlobs(others);
  t.deepEqual(
    [...present].toSorted(),
    others
      .slice(0, 10)
      .map((blob) => blob.descriptor.digest)
      .toSorted(),
  );
  t.is(double.count(/^HEAD /), 30);
});

test('putBlob() sends a blob in two requests', async (t) => {
  const { double, repository } = await setUp(t);
  await repository.putBlob(request, opened(bytes));
  t.deepEqual(Buffer.from(double.blobs.get(descriptor.digest) ?? []).equals(bytes), true);
  t.deepEqual(
    double.requests.map((line) => line.split(' ')[0]),
    ['POST', 'PUT'],
  );
  t.is(double.headers[1]?.['content-length'], '3000000');
});

test('putBlob() leaves the query of an upload as it is', async (t) => {
  const { double, repository } = await setUp(t);
  let query = '';
  double.misbehave(
    onRoute('upload', ({ url }) => {
      query = url.search;
      return false;
    }),
  );
  await repository.putBlob(request, opened(bytes));
  t.is(query, `?state=a%2Fb%3D&digest=${descriptor.digest}`);
});

test('putBlob() stores an empty blob, and one with a sha512 digest', async (t) => {
  const { double, repository } = await setUp(t);
  const empty = contentOf('');
  await repository.putBlob({ descriptor: empty.descriptor }, opened(empty.bytes));
  t.true(double.blobs.has(empty.descriptor.digest));
  const sha512 = { ...descriptor, digest: digestOf(bytes, 'sha512') };
  await repository.putBlob({ descriptor: sha512 }, opened(bytes));
  t.true(double.blobs.has(sha512.digest));
});

test('putBlob() takes a blob over from another repository of the registry', async (t) => {
  const { double, repository } = await setUp(t);
  addTokenService(double);
  double.addBlob(bytes);
  const origin = { registry: double.host, repository: 'com.example.base' as RepositoryName };
  await repository.putBlob({ descriptor, origin }, () => t.fail('was read') as never);
  t.is(double.count(/^PUT/), 0);
  const token = Buffer.from(
    double.headers.at(-1)?.authorization?.split(' ')[1] ?? '',
    'base64url',
  ).toString();
  t.true(token.includes('repository:com.example.base:pull'));
});

test('putBlob() does not name the repositories of another registry', async (t) => {
  const { double, repository } = await setUp(t);
  let query = '';
  double.misbehave(
    onRoute('uploads', ({ url }) => {
      query = url.search;
      return false;
    }),
  );
  const origin = { registry: 'registry.example.com' as never, repository: 'private' as RepositoryName };
  await repository.putBlob({ descriptor, origin }, opened(bytes));
  t.is(query, `?mount=${descriptor.digest}`);
});

for (const status of [400, 403, 404, 405]) {
  test(`putBlob() uploads where a registry answers a mount with ${status}, and doesn't ask again`, async (t) => {
    const { double, repository } = await setUp(t);
    double.misbehave(
      onRoute('uploads', ({ url, response }) => {
        if (!url.searchParams.has('mount')) return false;
        refuse(response, status, 'UNSUPPORTED');
        return true;
      }),
    );
    await repository.putBlob(request, opened(bytes));
    const another = contentOf('another');
    await repository.putBlob({ descriptor: another.descriptor }, opened(another.bytes));
    t.true(double.blobs.has(descriptor.digest));
    t.is(double.count(/^POST/), 3);
  });
}

test('putBlob() goes on where the registry says that it stopped', async (t) => {
  const { double, repository } = await setUp(t);
  double.misbehaveTimes(1, keepAndBreak(double, 1_234_567));
  const offsets: number[] = [];
  await repository.putBlob(request, (offset, options) => {
    offsets.push(offset);
    return opened(bytes)(offset, options);
  });
  t.true(Buffer.from(double.blobs.get(descriptor.digest) ?? []).equals(bytes));
  t.deepEqual(offsets, [0, 1_234_567]);
  t.is(double.headers.at(-1)?.['content-range'], `1234567-2999999`);
});

test('putBlob() only closes an upload that broke when everything had arrived', async (t) => {
  const { double, repository } = await setUp(t);
  double.misbehaveTimes(1, keepAndBreak(double, bytes.byteLength));
  const offsets: number[] = [];
  await repository.putBlob(request, (offset, options) => {
    offsets.push(offset);
    return opened(bytes)(offset, options);
  });
  t.true(Buffer.from(double.blobs.get(descriptor.digest) ?? []).equals(bytes));
  t.deepEqual(offsets, [0]);
  const { 'content-range': range, 'content-length': length } = double.headers.at(-1) ?? {};
  t.deepEqual([range, length], [undefined, '0']);
});

test('putBlob() begins anew when the registry has forgotten the upload', async (t) => {
  const { double, repository } = await setUp(t);
  double.misbehaveTimes(1, onRoute('upload', unknownUpload, 'PUT'));
  double.misbehaveTimes(1, onRoute('upload', unknownUpload, 'GET'));
  await repository.putBlob(request, opened(bytes));
  t.true(double.blobs.has(descriptor.digest));
  t.is(double.count(/^POST/), 2);
});

test('putBlob() gives up on a registry that always breaks the upload', async (t) => {
  const { double, repository } = await setUp(t);
  double.misbehave(
    onRoute(
      'upload',
      answering(({ response }) => response.destroy()),
      'PUT',
    ),
  );
  await t.throwsAsync(repository.putBlob(request, opened(bytes)), { code: 'REGISTRY_UNREACHABLE' });
  t.is(double.count(/^PUT/), 3);
});

/** Refuses to take the content of an upload. */
function busy(status: number, retryAfter?: string): Misbehaviour {
  return onRoute(
    'upload',
    async ({ request: incoming, response }) => {
      for await (const chunk of incoming) void chunk;
      if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter);
      refuse(response, status, 'TOOMANYREQUESTS');
      return true;
    },
    'PUT',
  );
}

test('putBlob() tries again when the registry is busy', async (t) => {
  const { double, repository } = await setUp(t);
  double.misbehaveTimes(1, busy(503));
  await repository.putBlob(request, opened(bytes));
  t.true(double.blobs.has(descriptor.digest));
});

test('putBlob() heeds the pause that the registry asks for, and does not wait for a long one', async (t) => {
  const { double, repository } = await setUp(t);
  double.misbehave(busy(429, '3600'));
  const error = await t.throwsAsync(repository.putBlob(request, opened(bytes)), {
    code: 'TOO_MANY_REQUESTS',
  });
  t.is((error as { hint?: string }).hint, 'the registry asks to wait for 3600 s');
  t.is(double.count(/^PUT/), 1);
});

test('putBlob() reports what the registry finds wrong with the digest', async (t) => {
  const { double, repository } = await setUp(t);
  double.misbehave(
    onRoute(
      'upload',
      answering(({ response }) => refuse(response, 400, 'DIGEST_INVALID')),
      'PUT',
    ),
  );
  await t.throwsAsync(repository.putBlob(request, opened(bytes)), { code: 'DIGEST_MISMATCH' });
});

for (const [why, headers, status, code] of [
  [
    'stores something else',
    { 'docker-content-digest': contentOf('x').descriptor.digest },
    201,
    'DIGEST_MISMATCH',
  ],
  ['refuses the size', {}, 413, 'REQUEST_REFUSED'],
  ['refuses the write', {}, 403, 'ACCESS_DENIED'],
] as const) {
  test(`putBlob() fails when the registry ${why}`, async (t) => {
    const { double, repository } = await setUp(t);
    double.misbehave(
      onRoute(
        'upload',
        async ({ request: incoming, response }) => {
          for await (const chunk of incoming) void chunk;
          response.writeHead(status, headers).end();
          return true;
        },
        'PUT',
      ),
    );
    await t.throwsAsync(repository.putBlob(request, opened(bytes)), { code });
  });
}

for (const [why, headers] of [
  ['does not say where', {}],
  ['says no URL', { location: 'http://[::' }],
] as const) {
  test(`putBlob() fails when the registry ${why} to upload`, async (t) => {
    const { double, repository } = await setUp(t);
    double.misbehave(
      onRoute(
        'uploads',
        answering(({ response }) => response.writeHead(202, headers).end()),
      ),
    );
    await t.throwsAsync(repository.putBlob(request, opened(bytes)), { code: 'ANSWER_INVALID' });
  });
}

test('putBlob() sends no token to another host that takes the upload', async (t) => {
  const { double, repository } = await setUp(t);
  const other = await startDouble(t);
  addTokenService(double);
  other.misbehave(
    onRoute(
      'upload',
      answering(({ response }) => response.writeHead(201).end()),
    ),
  );
  double.misbehave(
    onRoute('uploads', ({ response, request: incoming }) => {
      if (incoming.headers.authorization === undefined) return false;
      response.writeHead(202, { location: `${other.url}/v2/x/blobs/uploads/1` }).end();
      return true;
    }),
  );
  await repository.putBlob(request, opened(bytes));
  t.is(other.headers[0]?.authorization, undefined);
});

test('putBlob() passes on an error of the content and stores nothing', async (t) => {
  const { double, repository } = await setUp(t);
  const lost = new Error('source is gone');
  const error = await t.throwsAsync(
    repository.putBlob(request, async function* () {
      yield bytes.subarray(0, 1000);
      throw lost;
    }),
  );
  t.is(error, lost);
  t.false(double.blobs.has(descriptor.digest));
});

for (const [why, content, code] of [
  ['wrong', Buffer.from(bytes).fill(0, 5, 9), 'CONTENT_MISMATCH'],
  ['too short', bytes.subarray(1), 'CONTENT_SIZE'],
  ['too long', Buffer.concat([bytes, bytes]), 'CONTENT_SIZE'],
] as const) {
  test(`putBlob() refuses content that is ${why} before the registry has all of it`, async (t) => {
    const { double, repository } = await setUp(t);
    await t.throwsAsync(repository.putBlob(request, opened(content)), { code });
    t.false(double.blobs.has(descriptor.digest));
  });
}

test('putBlob() ends when it is aborted', async (t) => {
  const { double, repository } = await setUp(t);
  const controller = new AbortController();
  double.misbehave(
    onRoute(
      'upload',
      answering(() => controller.abort(new Error('stop'))),
      'PUT',
    ),
  );
  await t.throwsAsync(repository.putBlob(request, opened(bytes), { signal: controller.signal }), {
    message: 'stop',
  });
});

/** Takes so many bytes of an upload into its session, and breaks the connection. */
function keepAndBreak(double: RegistryDouble, keptBytes: number): Misbehaviour {
  return onRoute(
    'upload',
    async ({ request: incoming, response, route }) => {
      const chunks: Uint8Array[] = [];
      let size = 0;
      for await (const chunk of incoming) {
        chunks.push(chunk as Uint8Array);
        size += (chunk as Uint8Array).byteLength;
        if (size >= keptBytes) break;
      }
      double.keepInSession(route?.parameter ?? '', Buffer.concat(chunks).subarray(0, keptBytes));
      response.destroy();
      return true;
    },
    'PUT',
  );
}

const unknownUpload: Misbehaviour = async ({ request: incoming, response }) => {
  for await (const chunk of incoming) void chunk;
  refuse(response, 404, 'BLOB_UPLOAD_UNKNOWN');
  return true;
};
