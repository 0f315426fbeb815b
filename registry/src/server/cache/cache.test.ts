import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import { parseNamePrefix } from '@img/spec/name-prefix';
import { parseRegistryHost } from '@img/spec/registry-host';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { SqliteDatabase } from '../../metadata/sqlite-database.ts';
import { contentOf, emptyConfig, testImage, testReferrer } from '../../testing/content.ts';
import { answering, onRoute, truncatedBody, wrongDigest } from '../../testing/misbehaviours.ts';
import { type Misbehaviour, type RegistryDouble, refuse } from '../../testing/registry-double.ts';
import { TestClient } from '../testing/test-client.ts';
import { admin, basic, pushBlob, startTestRegistry } from '../testing/test-registry.ts';
import { evictCopies } from './evict-copies.ts';
import { PullThroughCache } from './pull-through-cache.ts';
import { startCache } from './testing/start-cache.ts';
import type { UpstreamOptions } from './upstream.ts';

const image = testImage([randomBytes(300_000)]);
const newer = testImage([randomBytes(10_000)]);
const { digest } = image.manifest.descriptor;
const layer = image.layers[0] ?? emptyConfig;
const layerPath = `/v2/hub/app/blobs/${layer.descriptor.digest}`;
// Times of these tests are longer than a busy machine takes.
const hourMs = 3_600_000;

function publish(upstream: RegistryDouble, { manifest, config, layers }: typeof image, tag: string): void {
  for (const { bytes } of [config, ...layers]) upstream.addBlob(bytes);
  upstream.addManifest('app', manifest.bytes, mediaTypes.ociManifest, tag);
}

/** Refuses everything, as a registry does that is overloaded. */
function refusing(status: number): Misbehaviour {
  return answering(({ response }) => refuse(response, status, 'TOOMANYREQUESTS'));
}

test('a copy is brought when it is asked for, and not asked for again', async (t) => {
  const { upstream, client } = await startCache(t);
  publish(upstream, image, '1');
  for (const round of ['from the upstream', 'from here']) {
    const head = await client.send('HEAD', '/v2/hub/app/manifests/1');
    t.is(head.status, 200, round);
    t.is(head.headers['docker-content-digest'], digest);
    const manifest = await client.send('GET', '/v2/hub/app/manifests/1');
    t.deepEqual(manifest.bytes, Buffer.from(image.manifest.bytes), round);
    t.is(manifest.headers['content-type'], mediaTypes.ociManifest);
    t.is((await client.send('GET', `/v2/hub/app/manifests/${digest}`)).status, 200);
    const blob = await client.send('GET', layerPath);
    t.is(blob.status, 200);
    t.is(digestOf(blob.bytes), layer.descriptor.digest, round);
    t.is(blob.headers['warning'], undefined);
  }
  t.is(upstream.count(/^HEAD .*manifests\/1$/), 1);
  t.is(upstream.count(/^GET .*manifests\/sha256:/), 1);
  t.is(upstream.count(new RegExp(`^GET /v2/app/blobs/${layer.descriptor.digest}`)), 1);
});

test('a tag is asked for again after a while, follows the upstream, and goes with it', async (t) => {
  const { upstream, client, pass } = await startCache(t, { upstream: { freshMs: hourMs } });
  publish(upstream, image, '1');
  const meaning = async () =>
    (await client.send('GET', '/v2/hub/app/manifests/1')).headers['docker-content-digest'];
  t.is(await meaning(), digest);
  publish(upstream, newer, '1');
  t.is(await meaning(), digest, 'as long as it is fresh');
  pass(2 * hourMs);
  t.is(await meaning(), newer.manifest.descriptor.digest);
  publish(upstream, image, '1');
  pass(2 * hourMs);
  t.is(await meaning(), digest, 'back to what is here');
  t.is(upstream.count(/^GET .*manifests/), 2, 'each manifest came once');
  upstream.manifests.delete('app:1');
  pass(2 * hourMs);
  t.is((await client.send('GET', '/v2/hub/app/manifests/1')).status, 404);
  t.is((await client.send('GET', `/v2/hub/app/manifests/${digest}`)).status, 200, 'it stays by its digest');
});

for (const [why, misbehaviour, status] of [
  ['limits its requests', refusing(429), 429],
  ['fails', refusing(503), 502],
  ['breaks connections', answering(({ response }) => response.destroy()), 502],
  ['does not answer', answering(() => undefined), 504],
  ['lets nobody in', refusing(401), 403],
] as const) {
  test(`what is here is served when the upstream ${why}, and what isn't is refused with ${status}`, async (t) => {
    const { upstream, client, running, folder, logged } = await startCache(t);
    publish(upstream, image, '1');
    await client.send('GET', '/v2/hub/app/manifests/1');
    await logged('was brought');
    await running.close();
    upstream.misbehave(misbehaviour);
    const later = await startCache(t, {
      dataFolder: folder,
      upstream: { registry: upstream.host, freshMs: 0 },
      // The upstream that answers does so at once or never.
      limits: { upstreamMs: status === 504 ? 100 : hourMs },
    });
    for (const path of ['manifests/1', 'tags/list', `referrers/${digest}`]) {
      const answer = await later.client.send('GET', `/v2/hub/app/${path}`);
      t.is(answer.status, 200, path);
      t.regex(answer.headers['warning'] ?? '', /^299 - "127\.0\.0\.1:\d+ can't be asked/, path);
    }
    await later.logged('the copy is served');
    const known = await later.client.send('GET', `/v2/hub/app/manifests/${digest}`);
    t.is(known.headers['warning'], undefined, 'what a digest means is never old');
    const missing = await later.client.send('GET', '/v2/hub/app/manifests/2');
    t.is(missing.status, status, missing.text);
    t.is((await later.client.send('GET', layerPath)).status, status);
    t.is((await later.client.send('HEAD', layerPath)).status, status);
    if (status === 429) t.truthy(missing.headers['retry-after']);
  });
}

test('an upstream that failed is left alone for a while about what is here', async (t) => {
  const { upstream, client, pass, logged } = await startCache(t, {
    upstream: { freshMs: hourMs },
    limits: { upstreamPauseMs: hourMs },
  });
  publish(upstream, image, '1');
  await client.send('GET', '/v2/hub/app/manifests/1');
  // What goes on in the background would meet the failure, too.
  await logged('was brought');
  pass(2 * hourMs);
  upstream.misbehave(refusing(503));
  const asked = async () => {
    await client.send('GET', '/v2/hub/app/manifests/1');
    return upstream.count(/^HEAD .*manifests\/1$/);
  };
  const once = await asked();
  t.is(await asked(), once);
  pass(2 * hourMs);
  t.true((await asked()) > once);
});

test('many clients at once cost one transfer, and one that goes away does not end it', async (t) => {
  const { upstream, client, running } = await startCache(t);
  publish(upstream, image, '1');
  const gate = Promise.withResolvers<void>();
  upstream.misbehave(
    onRoute(
      'blob',
      answering(async ({ response }) => {
        response.writeHead(200, { 'content-length': layer.bytes.byteLength });
        response.write(layer.bytes.subarray(0, 200_000));
        await gate.promise;
        response.end(layer.bytes.subarray(200_000));
      }),
      'GET',
    ),
  );
  const leaving = get(running.url + layerPath, {
    headers: { authorization: basic(admin.name, admin.password) },
  });
  const [answer] = (await once(leaving, 'response')) as [IncomingMessage];
  await once(answer, 'data');
  leaving.destroy();
  // One connection each: what is asked on the same one waits for the answer before.
  const others = Array.from({ length: 8 }, () => {
    const other = new TestClient(running.url, basic(admin.name, admin.password));
    t.teardown(() => other.close());
    return other.send('GET', layerPath);
  });
  const ranged = client.send('GET', layerPath, { headers: { range: 'bytes=10-19' } });
  t.deepEqual(
    (await ranged).bytes,
    Buffer.from(layer.bytes.subarray(10, 20)),
    'what has come is not waited for',
  );
  gate.resolve();
  for (const { bytes } of await Promise.all(others)) t.is(digestOf(bytes), layer.descriptor.digest);
  t.is((await client.send('GET', layerPath)).status, 200);
  t.is(upstream.count(/^GET .*blobs/), 1);
});

for (const [why, misbehave] of [
  ['is cut off', truncatedBody],
  ['is another one', wrongDigest],
] as const) {
  test(`a blob that ${why} breaks the transfer, is not kept, and comes again`, async (t) => {
    const { upstream, client, logged } = await startCache(t);
    publish(upstream, image, '1');
    let isBroken = true;
    const broken = misbehave(upstream, layer.descriptor.digest);
    upstream.misbehave((exchange) => isBroken && broken(exchange));
    await t.throwsAsync(client.send('GET', layerPath));
    await logged('is not kept');
    isBroken = false;
    t.is(digestOf((await client.send('GET', layerPath)).bytes), layer.descriptor.digest);
  });
}

test('a copy is not pushed to, and comes again after it was deleted', async (t) => {
  const { upstream, client } = await startCache(t);
  publish(upstream, image, '1');
  await client.send('GET', '/v2/hub/app/manifests/1');
  for (const [method, path] of [
    ['POST', '/v2/hub/app/blobs/uploads/'],
    ['POST', `/v2/hub/app/blobs/uploads/?mount=${layer.descriptor.digest}&from=own`],
    ['PUT', '/v2/hub/app/manifests/1'],
    ['PATCH', '/v2/hub/app/blobs/uploads/1'],
  ] as const) {
    const refused = await client.send(method, path, { body: 'x' });
    t.is(refused.status, 405, path);
    t.is(refused.code, 'UNSUPPORTED');
    t.regex(refused.text, /hub\/app is a copy of 127\.0\.0\.1:\d+\/app: push there/);
  }
  t.is((await client.send('DELETE', `/v2/hub/app/manifests/${digest}`)).status, 202);
  t.is((await client.send('GET', '/v2/hub/app/manifests/1')).status, 200);
  t.truthy(await pushBlob(client, 'content', { into: 'hubs/app' }), 'another name is the registry’s own');
});

test('nobody sees a copy who may not, and no credentials of a user leave the registry', async (t) => {
  const { upstream, client, anonymous } = await startCache(t);
  publish(upstream, image, '1');
  t.is((await anonymous.send('GET', '/v2/hub/app/manifests/1')).status, 401);
  t.deepEqual(upstream.requests, []);
  t.is((await client.send('GET', '/v2/hub/app/manifests/1')).status, 200);
  t.is((await client.send('GET', layerPath)).status, 200);
  t.true(upstream.headers.every(({ authorization }) => authorization === undefined));
});

test('an upstream that wants to know who asks is told the registry’s own name', async (t) => {
  const own = await startTestRegistry(t);
  await pushBlob(own.client, 'content', { into: 'app' });
  const options = { registry: own.running.host };
  const wrong = await startCache(t, { upstream: options });
  const path = `/v2/hub/app/blobs/${digestOf(Buffer.from('content'))}`;
  t.is((await wrong.client.send('GET', path)).status, 403);
  const credentials = { kind: 'password', username: admin.name, password: admin.password } as const;
  const right = await startCache(t, { upstream: { ...options, credentials } });
  t.is((await right.client.send('GET', path)).text, 'content');
});

test('what is attached to an image comes along: referrers, cosign’s tags, and their blobs', async (t) => {
  const { upstream, client, logged } = await startCache(t);
  publish(upstream, image, '1');
  const note = contentOf('a note', 'application/vnd.example.note');
  const referrer = testReferrer(image.manifest.descriptor, note);
  const signature = testImage(['signature']);
  for (const { bytes } of [note, emptyConfig, signature.config, ...signature.layers]) upstream.addBlob(bytes);
  upstream.addManifest('app', referrer.bytes, mediaTypes.ociManifest);
  const tag = `${digest.replace(':', '-')}.sig`;
  upstream.addManifest('app', signature.manifest.bytes, mediaTypes.ociManifest, tag);
  await client.send('GET', '/v2/hub/app/manifests/1');
  await logged('was brought');
  upstream.misbehave(refusing(503));
  const listed = await client.send('GET', `/v2/hub/app/referrers/${digest}`);
  t.deepEqual(
    (listed.json as { manifests: { digest: string }[] }).manifests.map((item) => item.digest),
    [referrer.descriptor.digest],
  );
  for (const path of [
    `manifests/${referrer.descriptor.digest}`,
    `manifests/${tag}`,
    `blobs/${note.descriptor.digest}`,
    `blobs/${signature.layers[0]?.descriptor.digest}`,
  ]) {
    t.is((await client.send('GET', `/v2/hub/app/${path}`)).status, 200, path);
  }
});

test('all tags of the upstream are listed, page by page', async (t) => {
  const { upstream, client } = await startCache(t);
  for (const tag of ['1', '2', '3']) publish(upstream, image, tag);
  const first = await client.send('GET', '/v2/hub/app/tags/list?n=2');
  t.deepEqual(first.json, { name: 'hub/app', tags: ['1', '2'] });
  t.is(first.headers['link'], '</v2/hub/app/tags/list?n=2&last=2>; rel="next"');
  const second = await client.send('GET', '/v2/hub/app/tags/list?n=2&last=2');
  t.deepEqual(second.json, { name: 'hub/app', tags: ['3'] });
  t.is(second.headers['link'], undefined);
});

test('ns= names the upstream as the clients of a mirror do, and another registry has nothing here', async (t) => {
  const { upstream, client, running } = await startCache(t);
  publish(upstream, image, '1');
  const answer = await client.send('GET', `/v2/app/manifests/1?ns=${upstream.host}`);
  t.is(answer.status, 200);
  t.is(answer.headers['oci-namespace'], upstream.host);
  t.is((await client.send('GET', '/v2/hub/app/manifests/1')).status, 200);
  t.is((await client.send('GET', '/v2/hub/app/manifests/1?ns=ghcr.io')).code, 'NAME_UNKNOWN');
  t.is((await client.send('GET', `/v2/hub/app/manifests/1?ns=${running.host}`)).status, 200, 'its own name');
});

test('copies that nobody pulls go after their time, and those pulled longest ago where there are too many', async (t) => {
  const { upstream, client, running, folder } = await startCache(t);
  const [first, second] = [image, newer].map(({ manifest }) => manifest.descriptor.digest);
  publish(upstream, image, '1');
  publish(upstream, newer, '2');
  for (const [tag, { layers }] of [
    ['1', image],
    ['2', newer],
  ] as const) {
    await client.send('GET', `/v2/hub/app/manifests/${tag}`);
    for (const { descriptor } of layers) await client.send('GET', `/v2/hub/app/blobs/${descriptor.digest}`);
  }
  await running.close();
  const database = await SqliteDatabase.open(join(folder, 'metadata.sqlite'));
  t.teardown(() => database.close());
  const evict = async (options: Partial<UpstreamOptions>, now: number) => {
    const cache = new PullThroughCache({
      upstreams: [{ names: parseNamePrefix('hub/'), registry: upstream.host, ...options }],
      folder,
    });
    const services = {
      cache,
      database,
      clock: () => now,
      log: pino({ enabled: false }),
      sweeper: { wake() {} },
    };
    await evictCopies(services);
    await cache.close();
    const rows = await database.all<{ digest: string }>('SELECT digest FROM manifests ORDER BY id');
    return rows.map((row) => row.digest);
  };
  const now = Date.now();
  t.deepEqual(await evict({ keepMs: hourMs, keepBytes: 1_000_000 }, now), [first, second], 'nothing is due');
  t.deepEqual(await evict({ keepBytes: 100_000 }, now), [second], 'the older one made too many');
  t.deepEqual(await evict({ keepMs: hourMs }, now + 2 * hourMs), []);
  const due = await database.get<{ count: number }>(
    'SELECT COUNT(*) AS count FROM links WHERE review_at <= $1',
    now + 2 * hourMs,
  );
  t.true((due?.count ?? 0) >= 2, 'their blobs are for the collector');
});

for (const [why, names] of [
  ['no whole part of a name', ['hub']],
  ['of two upstreams', ['hub/', 'hub/library/']],
  ['of all names and some', ['*', 'hub/']],
] as const) {
  test(`names that are ${why} are refused`, async (t) => {
    const registry = parseRegistryHost('127.0.0.1:1');
    const upstreams = names.map((name) => ({ names: parseNamePrefix(name), registry }));
    await t.throwsAsync(startRegistryWith(t, upstreams), { code: 'OPTION_INVALID' });
  });
}

function startRegistryWith(
  t: ExecutionContext,
  upstreams: NonNullable<Parameters<typeof startTestRegistry>[1]>['upstreams'],
): Promise<unknown> {
  return startTestRegistry(t, upstreams === undefined ? {} : { upstreams });
}
