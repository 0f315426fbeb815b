import { digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import type { ExecutionContext } from 'ava';
import type { Database } from '../../metadata/database.ts';
import type { TestClient } from '../../server/testing/test-client.ts';
import {
  basic,
  pushBlob,
  pushManifest,
  startTestRegistry,
  type TestRegistry,
} from '../../server/testing/test-registry.ts';
import type { BlobStore } from '../../storage/blob-store.ts';

/** Where a registry of a test keeps everything; nothing of it is closed with the registry. */
export type Stores = { readonly database: Database; readonly blobs: BlobStore };

/** Serves what the stores have; only a round that the test asks for cleans up or notes anything. */
export async function serve(t: ExecutionContext, stores: Stores): Promise<TestRegistry> {
  return await startTestRegistry(t, { ...stores, limits: { recordMs: 3_600_000, sweepMs: 3_600_000 } });
}

/** Pushes images with everything that belongs to one, and makes accounts. */
export async function fill(client: TestClient): Promise<void> {
  const config = { mediaType: mediaTypes.ociEmpty, digest: await pushBlob(client, '{}'), size: 2 };
  const layer = { mediaType: mediaTypes.ociLayer, digest: await pushBlob(client, 'layer'), size: 5 };
  const image = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [layer] };
  const first = await pushManifest(client, image, { reference: 'v1' });
  const about = { mediaType: image.mediaType, digest: first.digest, size: first.size };
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [about] };
  await pushManifest(client, index, { reference: 'latest' });
  await pushManifest(client, { ...image, annotations: { second: 'version' } }, { reference: 'latest' });
  const annotations = { signed: 'by somebody' };
  await pushManifest(client, { ...image, artifactType: 'application/x-test', subject: about, annotations });
  const into = 'com.example/other';
  const long = digestOf(Buffer.from('{}'), 'sha512');
  await pushBlob(client, '{}', { into, digest: long });
  const other = { ...image, config: { ...config, digest: long }, layers: [] };
  await pushManifest(client, other, { into, reference: 'v1' });
  await pushManifest(client, other, { into, reference: 'gone' });
  await api(client, 'DELETE', '/v2/com.example/other/manifests/gone');
  await api(client, 'POST', '/api/v1/users', { name: 'alice', password: 'correct horse' });
  await api(client, 'POST', '/api/v1/organisations', { name: 'com.example' });
  await api(client, 'PUT', '/api/v1/organisations/com.example/members/alice', { role: 'write' });
  await api(client, 'POST', '/api/v1/organisations/com.example/robots', {
    name: 'ci',
    role: 'read',
    days: 30,
  });
  await api(client, 'PUT', '/api/v1/repositories/app/visibility', { visibility: 'public' });
  await api(client, 'PUT', '/api/v1/repositories/app/retention', { latest: 100 });
  // When an image was pulled is noted once an hour, so that the answers below change nothing.
  for (const tag of ['v1', 'latest']) await client.send('GET', `/v2/app/manifests/${tag}`);
}

const layer = digestOf(Buffer.from('layer'));

const questions: readonly string[] = [
  '/v2/_catalog',
  '/v2/app/tags/list',
  '/v2/app/manifests/v1',
  '/v2/app/manifests/latest',
  `/v2/app/blobs/${layer}`,
  `/v2/app/blobs/${digestOf(Buffer.from('{}'))}`,
  '/v2/com.example/other/manifests/v1',
  '/v2/com.example/other/manifests/gone',
  `/v2/com.example/other/blobs/${digestOf(Buffer.from('{}'), 'sha512')}`,
  `/v2/com.example/other/blobs/${layer}`,
  '/api/v1/users',
  '/api/v1/organisations',
  '/api/v1/organisations/com.example/members',
  '/api/v1/organisations/com.example/robots',
  '/api/v1/repositories',
  '/api/v1/repositories/app/tags',
  '/api/v1/repositories/app/tags/latest/history',
  '/api/v1/repositories/com.example%2Fother/tags/gone/history',
  '/api/v1/repositories/app/retention',
];

/** What a registry answers to every question about what {@link fill} has made, and to its users. */
export async function answers({ client, anonymous }: TestRegistry): Promise<{ [question: string]: unknown }> {
  const found: { [question: string]: unknown } = {};
  const ask = async (path: string) => {
    const { status, text, headers } = await client.send('GET', path);
    // When a policy is carried out next may be put off.
    const said = text.replace(/,"nextRunAt":"[^"]*"/, '');
    found[path] = { status, said, type: headers['content-type'], digest: headers['docker-content-digest'] };
  };
  for (const path of questions) await ask(path);
  const image = await client.send('HEAD', '/v2/app/manifests/v1');
  await ask(`/v2/app/referrers/${image.headers['docker-content-digest']}`);
  const alice = { headers: { authorization: basic('alice', 'correct horse') } };
  found['alice'] = (await anonymous.send('GET', '/api/v1/account', alice)).text;
  return found;
}

async function api(client: TestClient, method: string, path: string, body?: object): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const answer = await client.send(method, path, body && { body: JSON.stringify(body), headers });
  if (answer.status >= 300) throw new Error(`${method} ${path} was answered ${answer.status} ${answer.text}`);
}
