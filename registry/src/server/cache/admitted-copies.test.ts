import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { testKey } from '@img/sign/testing/test-keys';
import { testDocument, testRule } from '@img/sign/testing/test-policy';
import { encodeTrustDocument } from '@img/sign/trust-document';
import { digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import { parseNamePrefix } from '@img/spec/name-prefix';
import { parseRepositoryName } from '@img/spec/repository-name';
import { parseTag } from '@img/spec/tag';
import test from 'ava';
import { putRule } from '../../metadata/admission/rules.ts';
import { SqliteDatabase } from '../../metadata/sqlite-database.ts';
import { MemoryBlobStore } from '../../storage/memory-blob-store.ts';
import { testImage } from '../../testing/content.ts';
import { pushSignatures } from '../../testing/push-signatures.ts';
import { app, clientOf } from '../../testing/start-double.ts';
import { startCache } from './testing/start-cache.ts';

const tag = parseTag('1.0');
const { manifest } = testImage(['one']);

test('a copy that its rule refuses is served when its upstream has the signature', async (t) => {
  const database = await SqliteDatabase.open(join(temporaryFolder(t), 'metadata.sqlite'));
  t.teardown(() => database.close());
  const clock = () => Date.parse('2026-11-25T00:00:00Z');
  const names = parseNamePrefix('*');
  const { upstream, client } = await startCache(t, {
    upstream: { names, freshMs: 0 },
    database,
    blobs: new MemoryBlobStore(),
    clock,
  });
  const document = encodeTrustDocument(testDocument(testRule('com.example.', 1, ['alice'])));
  const name = parseRepositoryName('com.example');
  const rule = { name, document, digest: digestOf(document), set_by: 'owner', set_at: 1 };
  await database.transaction((writer) => putRule(writer, rule));
  upstream.addManifest(app, manifest.bytes, mediaTypes.ociManifest, tag);
  const path = `/v2/${app}/manifests/${tag}`;
  for (const round of ['when it comes', 'when it is here']) {
    const refused = await client.send('GET', path);
    t.is(refused.code, 'DENIED', round);
  }
  const place = clientOf(t, upstream).repository(app, 'push');
  await pushSignatures(place, testKey(1), manifest.descriptor, { repository: app, tag });
  const admitted = await client.send('GET', path);
  t.is(admitted.status, 200, admitted.text);
  t.deepEqual(admitted.bytes, Buffer.from(manifest.bytes));
});
