import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import test from 'ava';
import type { BlobStore } from '../storage/blob-store.ts';
import { MemoryBlobStore } from '../storage/memory-blob-store.ts';
import { measuredBlobStore } from './metrics/measured-blob-store.ts';
import { admin, basic, startTestRegistry } from './testing/test-registry.ts';

test('a user who asks too often is told how long to wait, and others are not', async (t) => {
  let now = Date.now();
  const limits = { requestsPerSecond: 0.5, requestsAtOnce: 3 };
  const { client, anonymous } = await startTestRegistry(t, { clock: () => now, limits });
  const statuses = async (asking: typeof client) => {
    const found: number[] = [];
    for (let count = 0; count < 4; count += 1) found.push((await asking.send('GET', '/v2/')).status);
    return found;
  };
  t.deepEqual(await statuses(client), [200, 200, 200, 429]);
  const refused = await client.send('GET', '/api/v1/account');
  t.is(refused.status, 429, 'the API counts, too');
  t.is(refused.code, 'TOOMANYREQUESTS');
  t.is(refused.headers['retry-after'], '2');
  t.deepEqual(await statuses(anonymous), [401, 401, 401, 429], 'nobody in particular is an address');
  t.is((await anonymous.send('GET', '/token')).status, 429, 'tokens count, too');
  now += 2000;
  t.is((await client.send('GET', '/v2/')).status, 200);
});

test('each of several workers lets users ask as often as is its share', async (t) => {
  const now = Date.now();
  const limits = { requestsPerSecond: 1, requestsAtOnce: 4 };
  const worker = { number: 1, count: 2, isMeasured: false };
  const { client } = await startTestRegistry(t, { clock: () => now, limits, worker });
  const answers = [];
  for (let count = 0; count < 3; count += 1) answers.push(await client.send('GET', '/v2/'));
  t.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 429],
  );
  t.is(answers[2]?.headers['retry-after'], '2');
});

test('a user sends so many blobs at once and no more', async (t) => {
  const registry = await startTestRegistry(t, { limits: { uploadsAtOnce: 1 } });
  const begin = async () =>
    (await registry.client.send('POST', '/v2/app/blobs/uploads/')).headers['location'] as string;
  const [first, second] = [await begin(), await begin()];
  const sending = request(new URL(first, registry.running.url), {
    method: 'PATCH',
    headers: { Authorization: basic(admin.name, admin.password), Expect: '100-continue' },
  });
  sending.flushHeaders();
  // The body is wanted: it has its slot.
  await once(sending, 'continue');
  const refused = await registry.client.send('PATCH', second, { body: 'content' });
  t.deepEqual([refused.status, refused.headers['retry-after']], [429, '2']);
  sending.end('content');
  const [answer] = (await once(sending, 'response')) as [IncomingMessage];
  t.is(answer.statusCode, 202);
  t.is((await registry.client.send('PATCH', second, { body: 'content' })).status, 202);
});

test('an upload that finds no space left is given up, so that nothing of it stays', async (t) => {
  const blobs = new MemoryBlobStore();
  let discarded = 0;
  const full: BlobStore = {
    ...measuredBlobStore(blobs, {
      begin: () => () => undefined,
      scrubbed: () => undefined,
      storage: (_, work) => work(),
    }),
    append: async (key, state) => {
      const appender = await blobs.append(key, state);
      const write = () => Promise.reject(Object.assign(new Error('no space'), { code: 'ENOSPC' }));
      return { write, save: () => appender.save(), close: () => appender.close() };
    },
    discard: async (unfinished) => {
      await blobs.discard(unfinished);
      discarded += unfinished.length;
    },
  };
  const { client } = await startTestRegistry(t, { blobs: full });
  const location = (await client.send('POST', '/v2/app/blobs/uploads/')).headers['location'] as string;
  t.is((await client.send('PATCH', location, { body: 'content' })).status, 507);
  t.is((await client.send('GET', location)).status, 404);
  while (discarded === 0) await client.send('GET', '/healthz');
  t.is(discarded, 1);
});
