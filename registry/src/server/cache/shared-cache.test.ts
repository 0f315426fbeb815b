import { mediaTypes } from '@img/spec/media-types';
import { parseNamePrefix } from '@img/spec/name-prefix';
import test, { type ExecutionContext } from 'ava';
import { PostgresDatabase } from '../../metadata/postgres/postgres-database.ts';
import type { PostgresLocation } from '../../metadata/postgres/postgres-location.ts';
import { postgresServers } from '../../metadata/testing/postgres-servers.ts';
import { S3BlobStore } from '../../storage/s3/s3-blob-store.ts';
import type { S3BucketOptions } from '../../storage/s3/s3-bucket.ts';
import { s3Servers } from '../../storage/testing/s3-servers.ts';
import { testImage } from '../../testing/content.ts';
import { answering } from '../../testing/misbehaviours.ts';
import type { RegistryDouble } from '../../testing/registry-double.ts';
import { refuse } from '../../testing/registry-double.ts';
import { startDouble } from '../../testing/start-double.ts';
import { startTestRegistry, type TestRegistry } from '../testing/test-registry.ts';

const image = testImage([Buffer.alloc(7_000_000, 'content that is larger than one part of an upload ')]);

for (const postgres of postgresServers()) {
  for (const s3 of s3Servers()) {
    test(`${postgres.name} and ${s3.name}: what one process has brought another one serves without the upstream`, async (t) => {
      const upstream = await startDouble(t);
      for (const { bytes } of [image.config, ...image.layers]) upstream.addBlob(bytes);
      upstream.addManifest('app', image.manifest.bytes, mediaTypes.ociManifest, '1');
      const stores = { database: await postgres.database(), bucket: await s3.bucket() };
      const [first, second] = [await start(t, upstream, stores), await start(t, upstream, stores)];
      const paths = ['manifests/1', ...image.layers.map(({ descriptor }) => `blobs/${descriptor.digest}`)];
      for (const path of paths)
        t.is((await first.client.send('GET', `/v2/hub/app/${path}`)).status, 200, path);
      // Closing ends what is under way; a blob that its client has whole is stored to its end.
      await first.running.close();
      upstream.misbehave(answering(({ response }) => refuse(response, 503, 'UNKNOWN')));
      for (const path of paths) {
        const answer = await second.client.send('GET', `/v2/hub/app/${path}`);
        t.is(answer.status, 200, answer.text.slice(0, 200));
      }
      const [layer] = image.layers;
      const { bytes } = await second.client.send('GET', `/v2/hub/app/blobs/${layer?.descriptor.digest}`);
      t.true(bytes.equals(layer?.bytes ?? new Uint8Array()));
    });
  }
}

/** One process of a registry, with connections of its own to what all of them share. */
async function start(
  t: ExecutionContext,
  { host }: RegistryDouble,
  stores: { readonly database: PostgresLocation; readonly bucket: S3BucketOptions },
): Promise<TestRegistry> {
  const blobs = await S3BlobStore.open(stores.bucket);
  const database = await PostgresDatabase.open(stores.database);
  // Teardowns run in reverse.
  t.teardown(() => blobs.close());
  t.teardown(() => database.close());
  return startTestRegistry(t, {
    blobs,
    database,
    upstreams: [{ names: parseNamePrefix('hub/'), registry: host }],
  });
}
