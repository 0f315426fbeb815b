import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Digest, digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import test, { type ExecutionContext } from 'ava';
import { PostgresDatabase } from '../metadata/postgres/postgres-database.ts';
import type { PostgresLocation } from '../metadata/postgres/postgres-location.ts';
import { postgresServers } from '../metadata/testing/postgres-servers.ts';
import { S3BlobStore } from '../storage/s3/s3-blob-store.ts';
import type { S3BucketOptions } from '../storage/s3/s3-bucket.ts';
import { s3Servers } from '../storage/testing/s3-servers.ts';
import { sweepOnce } from './testing/sweep-once.ts';
import { TestClient } from './testing/test-client.ts';
import { admin, basic } from './testing/test-registry.ts';

type Stores = { readonly database: PostgresLocation; readonly bucket: S3BucketOptions };
type Child = { readonly url: string; readonly process: ChildProcess };
type Image = { readonly digest: Digest; readonly blobs: readonly Digest[] };

for (const postgres of postgresServers()) {
  for (const s3 of s3Servers()) {
    test(`${postgres.name} and ${s3.name}: processes that are killed lose nothing and leave nothing`, async (t) => {
      const stores: Stores = { database: await postgres.database(), bucket: await s3.bucket() };
      const children = [await spawnChild(t, stores), await spawnChild(t, stores)];
      const kept = new Map<string, Image>();
      const progress = new EventEmitter();
      let isOver = false;
      const pushing = Promise.all(
        [0, 1, 2, 3].map(async (lane) => {
          for (let number = 0; !isOver; number += 1) {
            const { url } = children[randomInt(2)] as Child;
            await pushAndDelete(t, url, `t${lane}-${number}`, kept);
            progress.emit('push');
          }
        }),
      );
      for (let kill = 1; kill <= 4; kill += 1) {
        while (kept.size < kill * 6) await once(progress, 'push');
        if (kill % 2 === 0) await postgres.cutConnections(stores.database);
        await end(children[kill % 2] as Child);
        children[kill % 2] = await spawnChild(t, stores);
      }
      isOver = true;
      await pushing;
      await checkImages(t, (children[0] as Child).url, kept);
      // What they note by themselves would come between two looks.
      await Promise.all(children.map(end));
      await checkCollected(t, stores, kept);
    });
  }
}

/** Pushes an image as a correct client does, and sometimes deletes it again; a process that dies is left alone. */
async function pushAndDelete(t: ExecutionContext, url: string, tag: string, kept: Map<string, Image>) {
  const client = new TestClient(url, basic(admin.name, admin.password));
  const repository = `/v2/app${randomInt(3)}`;
  try {
    // The same layer comes again and again, from several clients at once; the others are new, some of several parts.
    const layers = [
      Buffer.from(`shared ${randomInt(4)}`),
      randomBytes(randomInt(8) === 0 ? 6_000_000 : 1000),
    ];
    const blobs = [];
    for (const content of [Buffer.from('{}'), ...layers]) {
      const digest = await pushBlob(client, repository, content);
      blobs.push({ mediaType: mediaTypes.ociLayer, digest, size: content.byteLength });
    }
    const [config, ...rest] = blobs;
    const image = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config,
      layers: rest,
      annotations: { tag },
    };
    const body = JSON.stringify(image);
    const headers = { 'content-type': mediaTypes.ociManifest };
    const put = await sent(client, 201, 'PUT', `${repository}/manifests/${tag}`, { body, headers });
    t.is(put.headers['warning'], undefined, 'nothing is missing');
    const digest = digestOf(Buffer.from(body));
    if (randomInt(4) === 0) await sent(client, 202, 'DELETE', `${repository}/manifests/${digest}`);
    else kept.set(`${repository}/manifests/${tag}`, { digest, blobs: blobs.map((blob) => blob.digest) });
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
  } finally {
    await client.close();
  }
}

/** The process was killed, or cut off from its database. */
class Interrupted extends Error {}

async function pushBlob(client: TestClient, repository: string, content: Buffer): Promise<Digest> {
  const digest = digestOf(content);
  const head = await sent(client, [200, 404], 'HEAD', `${repository}/blobs/${digest}`);
  if (head.status === 200) return digest;
  const begun = await sent(client, 202, 'POST', `${repository}/blobs/uploads/`);
  const location = begun.headers['location'] as string;
  await sent(client, 202, 'PATCH', location, { body: content });
  await sent(client, 201, 'PUT', `${location}?digest=${digest}`);
  return digest;
}

async function sent(
  client: TestClient,
  expected: number | number[],
  ...request: Parameters<TestClient['send']>
) {
  const answer = await client.send(...request).catch((cause: unknown) => {
    throw new Interrupted('no answer', { cause });
  });
  if (answer.status === 503) throw new Interrupted('no database');
  if ([expected].flat().includes(answer.status)) return answer;
  throw new Error(`${request[0]} ${request[1]} was answered ${answer.status} ${answer.text}`);
}

async function checkImages(
  t: ExecutionContext,
  url: string,
  kept: ReadonlyMap<string, Image>,
): Promise<void> {
  const client = new TestClient(url, basic(admin.name, admin.password));
  for (const [path, { digest, blobs }] of kept) {
    t.is((await client.send('HEAD', path)).headers['docker-content-digest'], digest, path);
    const repository = path.slice(0, path.indexOf('/manifests'));
    for (const blob of blobs) {
      t.is(digestOf((await client.send('GET', `${repository}/blobs/${blob}`)).bytes), blob, path);
    }
  }
  await client.close();
}

/** After a day, the storage has the blobs of the images that are left, and nothing else. */
async function checkCollected(
  t: ExecutionContext,
  { database, bucket }: Stores,
  kept: ReadonlyMap<string, Image>,
) {
  const metadata = await PostgresDatabase.open(database);
  const blobs = await S3BlobStore.open(bucket);
  // The note of a manifest whose writer was killed is written anew, under another key; the first one goes when that
  // writer's time is over once more, and what a process wrote meanwhile a round later.
  for (const hours of [50, 51, 52]) await sweepOnce(metadata, blobs, hours);
  const stored = await Array.fromAsync(blobs.list(), ({ key }) => key);
  const rows = await metadata.all<{ key: string; digest: string | null }>(
    `SELECT key, digest FROM blobs UNION ALL SELECT key, NULL FROM manifest_records
      UNION ALL SELECT key, NULL FROM jobs WHERE key IS NOT NULL`,
  );
  const needed = new Set([...kept.values()].flatMap((image) => image.blobs));
  t.deepEqual(
    stored.toSorted() as string[],
    rows.map(({ key }) => key).toSorted(),
    'no object is lost or left',
  );
  t.true([...needed].every((digest) => rows.some((row) => row.digest === digest)));
  t.deepEqual(await Array.fromAsync(blobs.listUploads()), [], 'no upload is left');
  for (const table of ['uploads', 'tombstones']) {
    t.is((await metadata.get<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))?.n, 0, table);
  }
  blobs.close();
  await metadata.close();
}

async function end({ process: child }: Child): Promise<void> {
  if (!child.kill('SIGKILL')) throw new Error('a process of the registry ended by itself');
  await once(child, 'exit');
}

async function spawnChild(t: ExecutionContext, { database, bucket }: Stores): Promise<Child> {
  const script = fileURLToPath(new URL('testing/serve-shared-child.ts', import.meta.url));
  const { user, password, port, database: name } = database;
  const { location, credentials } = bucket;
  const urls = [
    `postgres://${user}:${password}@127.0.0.1:${port}/${name}?connections=8`,
    `s3://${location.bucket}/${location.prefix}?endpoint=${location.endpoint.origin}`,
  ];
  const child = spawn(process.execPath, [script, ...urls], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      AWS_ACCESS_KEY_ID: credentials.accessKey,
      AWS_SECRET_ACCESS_KEY: credentials.secretKey,
    },
  });
  t.teardown(() => child.kill('SIGKILL'));
  for await (const url of createInterface({ input: child.stdout })) return { url, process: child };
  throw new Error('the registry ended before it was ready');
}
