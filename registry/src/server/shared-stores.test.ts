import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import { parseNamePrefix } from '@img/spec/name-prefix';
import { parseRepositoryName } from '@img/spec/repository-name';
import test, { type ExecutionContext } from 'ava';
import { RegistryClient } from '../client/registry-client.ts';
import { PostgresDatabase } from '../metadata/postgres/postgres-database.ts';
import type { PostgresLocation } from '../metadata/postgres/postgres-location.ts';
import { postgresServers } from '../metadata/testing/postgres-servers.ts';
import { S3BlobStore } from '../storage/s3/s3-blob-store.ts';
import type { S3BucketOptions } from '../storage/s3/s3-bucket.ts';
import { s3Servers } from '../storage/testing/s3-servers.ts';
import type { RegistryOptions } from './registry-options.ts';
import { passConformance } from './testing/conformance.ts';
import { sweepOnce } from './testing/sweep-once.ts';
import { admin, basic, pushBlob, pushManifest, startTestRegistry } from './testing/test-registry.ts';
import { findTool, type Tool } from './testing/tools.ts';

type Stores = { readonly database: PostgresLocation; readonly bucket: S3BucketOptions };

for (const postgres of postgresServers()) {
  for (const s3 of s3Servers()) {
    const title = (text: string) => `${postgres.name} and ${s3.name}: ${text}`;
    const makeStores = async (parameters?: { readonly [name: string]: string }): Promise<Stores> => {
      return { database: await postgres.database(), bucket: await s3.bucket(parameters) };
    };

    test(title('an upload that is begun at one process goes on at another'), async (t) => {
      const stores = await makeStores();
      const [first, second] = [await start(t, stores), await start(t, stores)];
      const content = Buffer.alloc(13_000_000, 'content that goes through several processes ');
      const digest = digestOf(content);
      const location = (await first.client.send('POST', '/v2/app/blobs/uploads/')).headers[
        'location'
      ] as string;
      const ends = [1000, 6_000_000, 6_000_001, content.byteLength];
      for (const [index, end] of ends.entries()) {
        const begin = ends[index - 1] ?? 0;
        const headers = { 'content-range': `${begin}-${end - 1}` };
        const { client } = index % 2 === 0 ? second : first;
        const answer = await client.send('PATCH', location, { body: content.subarray(begin, end), headers });
        t.is(answer.status, 202, answer.text);
        t.is(answer.headers['range'], `0-${end - 1}`);
      }
      t.is((await second.client.send('PUT', `${location}?digest=${digest}`)).status, 201);
      for (const { client } of [first, second]) {
        t.true((await client.send('GET', `/v2/app/blobs/${digest}`)).bytes.equals(content));
      }
    });

    test(title('what one process answers the other one answers too, at once'), async (t) => {
      const stores = await makeStores();
      const [first, second] = [await start(t, stores), await start(t, stores)];
      const index = (text: string) => {
        const annotations = { text };
        return { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [], annotations };
      };
      for (const [round, writer, reader] of [
        [1, first, second],
        [2, second, first],
      ] as const) {
        const { digest } = await pushManifest(writer.client, index(`round ${round}`), {
          reference: 'latest',
        });
        const answer = await reader.client.send('HEAD', '/v2/app/manifests/latest');
        t.is(answer.headers['docker-content-digest'], digest);
      }
      t.is((await first.client.send('DELETE', '/v2/app/manifests/latest')).status, 202);
      t.is((await second.client.send('HEAD', '/v2/app/manifests/latest')).status, 404);
    });

    test(title('a token of one process is good at the other'), async (t) => {
      const stores = await makeStores();
      const [first, second] = [await start(t, stores), await start(t, stores)];
      const { json } = await first.client.send(
        'GET',
        '/token?service=img-registry&scope=repository:app:pull',
      );
      const { token } = json as { token: string };
      const headers = { authorization: `Bearer ${token}` };
      t.is((await second.anonymous.send('GET', '/v2/app/tags/list', { headers })).status, 404);
      t.is((await second.anonymous.send('GET', '/v2/other/tags/list', { headers })).status, 401);
    });

    test(title('processes that start at the same time make up one administrator'), async (t) => {
      const stores = await makeStores();
      const started = await Promise.all([1, 2, 3].map(() => start(t, stores, { administrator: {} })));
      const passwords = started.map(({ running }) => running.administrator.newPassword);
      const told = passwords.filter((password) => password !== undefined);
      t.is(told.length, 1);
      const headers = { authorization: basic('admin', told[0] as string) };
      for (const { anonymous } of started)
        t.is((await anonymous.send('GET', '/v2/', { headers })).status, 200);
    });

    test(title('requests to the storage are as few as can be'), async (t) => {
      const { client, requests, notes, sweep } = await start(t, await makeStores());
      const content = 'a new small blob';
      const digest = await pushBlob(client, content);
      t.deepEqual(requests.splice(0), ['PUT'], 'pushed by one request');
      const location = (await client.send('POST', '/v2/app/blobs/uploads/')).headers['location'] as string;
      await client.send('PATCH', location, { body: 'streamed' });
      await client.send('PUT', `${location}?digest=${digestOf(Buffer.from('streamed'))}`);
      t.deepEqual(requests.splice(0), ['PUT'], 'pushed by three requests');
      t.is((await client.send('HEAD', `/v2/app/blobs/${digest}`)).status, 200);
      t.deepEqual(requests, [], 'HEAD of a known blob');
      const layers = [{ mediaType: mediaTypes.ociLayer, digest, size: content.length }];
      const config = { mediaType: mediaTypes.ociEmpty, digest: await pushBlob(client, '{}'), size: 2 };
      requests.length = 0;
      const image = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers };
      await pushManifest(client, image, { reference: 'v1' });
      await pushManifest(client, image, { reference: 'latest' });
      t.is((await client.send('POST', `/v2/other/blobs/uploads/?mount=${digest}&from=app`)).status, 201);
      t.deepEqual(requests, [], 'a manifest, a tag that moves, a blob that is mounted');
      for (let number = 0; number < 150; number += 1) await pushBlob(client, `unneeded ${number}`);
      requests.length = 0;
      await sweep(25);
      t.deepEqual(requests, ['POST'], 'all that is unneeded');
      t.true(notes.length <= 1, 'a manifest is noted by one request, and a tag by none');
    });

    test(title('blobs are read from the storage itself, except by those who are near'), async (t) => {
      const stores = await makeStores({ redirect: 'true' });
      const { client, requests } = await start(t, stores);
      const digest = await pushBlob(client, '0123456789');
      requests.length = 0;
      const answer = await client.send('GET', `/v2/app/blobs/${digest}`);
      t.is(answer.status, 307);
      t.is(answer.bytes.byteLength, 0);
      t.is(answer.headers['docker-content-digest'], digest);
      t.is(answer.headers['cache-control'], 'no-store');
      const location = answer.headers['location'] as string;
      t.is(await (await fetch(location)).text(), '0123456789');
      t.is(await (await fetch(location, { headers: { range: 'bytes=-3' } })).text(), '789');
      const head = await client.send('HEAD', `/v2/app/blobs/${digest}`);
      t.is(head.status, 200);
      t.is(head.headers['content-length'], '10');
      const range = { headers: { range: 'bytes=10-' } };
      t.is((await client.send('GET', `/v2/app/blobs/${digest}`, range)).status, 416);
      t.deepEqual(requests, []);
      const { client: near } = await start(t, stores, { nearNetworks: ['127.0.0.0/8'] });
      t.is((await near.send('GET', `/v2/app/blobs/${digest}`)).text, '0123456789');
    });

    test(title('our own client follows to the storage, from the middle of a blob too'), async (t) => {
      const { running, client, requests } = await start(t, await makeStores({ redirect: 'true' }));
      const content = Buffer.alloc(6_000_000, 'content that the storage sends ');
      const digest = await pushBlob(client, content);
      requests.length = 0;
      const credentials = { kind: 'password', username: admin.name, password: admin.password } as const;
      const own = new RegistryClient(running.host, { credentials: async () => credentials });
      t.teardown(() => own.close());
      const repository = own.repository(parseRepositoryName('app'), 'pull');
      const descriptor = { mediaType: mediaTypes.ociLayer, digest, size: content.byteLength };
      for (const offset of [0, 5_000_000]) {
        const bytes = Buffer.concat(await Array.fromAsync(repository.getBlob(descriptor, { offset })));
        t.true(bytes.equals(content.subarray(offset)), `from ${offset}`);
      }
      t.deepEqual(requests, [], 'nothing went through the registry');
    });

    test(title('crane and skopeo follow to the storage'), async (t) => {
      const crane = await findTool(t, 'crane', { isOptional: true });
      const skopeo = await findTool(t, 'skopeo');
      if (crane === undefined || skopeo === undefined) return;
      const stores = await makeStores({ 'public-endpoint': 'http://localhost:PORT' });
      const { running } = await start(t, stores, { anonymousPull: [parseNamePrefix('*')] });
      const folder = temporaryFolder(t);
      const image = `${running.host}/app:1`;
      const environment = { DOCKER_CONFIG: folder };
      const ok = async (tool: Tool, args: readonly string[]) => {
        const { status, stderr } = await tool(args, environment);
        t.is(status, 0, `${args.join(' ')}: ${stderr}`);
      };
      await writeFile(join(folder, 'layer.tar'), Buffer.alloc(8_000_000));
      await writeFile(join(folder, 'policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}');
      await ok(crane, ['auth', 'login', running.host, '-u', admin.name, '-p', admin.password]);
      await ok(crane, ['append', '-f', join(folder, 'layer.tar'), '-t', image]);
      await ok(crane, ['validate', '--remote', image]);
      const policy = ['--policy', join(folder, 'policy.json')];
      const target = `oci:${join(folder, 'copy')}:1`;
      await ok(skopeo, [
        ...policy,
        'copy',
        '--src-no-creds',
        '--src-tls-verify=false',
        `docker://${image}`,
        target,
      ]);
    });

    test(title('the conformance suite passes'), async (t) => {
      const { running } = await start(t, await makeStores());
      await passConformance(t, running.host, temporaryFolder(t));
    });

    test(title('the conformance suite passes with blobs read from the storage itself'), async (t) => {
      // Another host than ours: the suite sends its password along to the same one, which the storage refuses.
      const { running } = await start(t, await makeStores({ 'public-endpoint': 'http://localhost:PORT' }));
      // The storage sends no Docker-Content-Digest with the bytes; the answer that leads there has it.
      await passConformance(t, running.host, temporaryFolder(t), { OCI_API_BLOBS_DIGEST_HEADER: 'false' });
    });
  }
}

/** One process of a registry, with connections of its own to what all of them share. */
async function start(
  t: ExecutionContext,
  { database, bucket }: Stores,
  options: Partial<RegistryOptions> = {},
) {
  const requests: string[] = [];
  const notes: string[] = [];
  const blobs = await S3BlobStore.open({
    ...bucket,
    // What a process does in the background comes at any time: it looks for unfinished uploads, and notes what is new.
    onRequest: (method, path) => {
      if (path.includes('.manifest')) notes.push(method);
      else if (!/\?uploads&|\.snapshot/.test(path)) requests.push(method);
    },
  });
  const metadata = await PostgresDatabase.open(database);
  // Teardowns run in reverse.
  t.teardown(() => blobs.close());
  t.teardown(() => metadata.close());
  const registry = await startTestRegistry(t, { blobs, database: metadata, ...options });
  const sweep = (hoursAhead: number) => sweepOnce(metadata, blobs, hoursAhead);
  requests.length = 0;
  return { ...registry, requests, notes, sweep };
}
