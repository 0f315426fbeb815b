import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import test, { type ExecutionContext } from 'ava';
import { TestClient } from './testing/test-client.ts';
import { admin, basic, pushManifest } from './testing/test-registry.ts';

type Child = { readonly client: TestClient; kill(): Promise<void> };

test('an upload goes on after kill -9, from what was noted', async (t) => {
  const folder = temporaryFolder(t);
  const content = Buffer.alloc(1_000_000, 'content of an upload that is interrupted ');
  const first = await serve(t, folder, { limits: { checkpointBytes: 100_000 } });
  const location = (await first.client.send('POST', '/v2/app/blobs/uploads/')).headers['location'] as string;
  const body = new PassThrough();
  const sending = first.client.send('PATCH', location, { body });
  body.write(content.subarray(0, 600_000));
  const watcher = await first.another();
  while ((await storedBytes(watcher, location)) < 100_000);
  await Promise.all([t.throwsAsync(sending), first.kill()]);

  // The lock of the killed process is over by then.
  const second = await serve(t, folder, { hours: 1 });
  const stored = await storedBytes(second.client, location);
  t.true(stored >= 100_000 && stored <= 600_000, `${stored} bytes are noted`);
  const rest = content.subarray(stored);
  const headers = { 'content-range': `${stored}-${content.byteLength - 1}` };
  t.is((await second.client.send('PATCH', location, { body: rest, headers })).status, 202);
  const digest = digestOf(content);
  t.is((await second.client.send('PUT', `${location}?digest=${digest}`)).status, 201);
  t.true((await second.client.send('GET', `/v2/app/blobs/${digest}`)).bytes.equals(content));
});

test('what was answered 201 is there after kill -9, and everything that is listed is whole', async (t) => {
  const folder = temporaryFolder(t);
  const confirmed = new Map<string, string>();
  for (let round = 0; round < 3; round += 1) {
    const child = await serve(t, folder);
    const enough = confirmed.size + 5;
    const pushing = Promise.all(
      [0, 1, 2].map(async (lane) => {
        for (let number = 0; ; number += 1) {
          const tag = `r${round}-${lane}-${number}`;
          const manifest = {
            schemaVersion: 2,
            mediaType: mediaTypes.ociIndex,
            manifests: [],
            annotations: { tag },
          };
          const { digest } = await pushManifest(child.client, manifest, { reference: tag });
          confirmed.set(tag, digest);
          if (confirmed.size === enough) await child.kill();
        }
      }),
    );
    await t.throwsAsync(pushing);
  }
  const { client } = await serve(t, folder);
  const { tags } = (await client.send('GET', '/v2/app/tags/list')).json as { tags: readonly string[] };
  for (const [tag, digest] of confirmed) t.true(tags.includes(tag), `${tag} ${digest}`);
  for (const tag of tags) {
    const answer = await client.send('GET', `/v2/app/manifests/${tag}`);
    t.is(digestOf(answer.bytes), answer.headers['docker-content-digest'] as never);
    if (confirmed.has(tag)) t.is(answer.headers['docker-content-digest'], confirmed.get(tag));
  }
});

async function storedBytes(client: TestClient, location: string): Promise<number> {
  const end = Number((await client.send('GET', location)).headers['range']?.slice('0-'.length));
  return end === 0 ? 0 : end + 1;
}

async function serve(
  t: ExecutionContext,
  folder: string,
  { hours = 0, limits = {} }: { hours?: number; limits?: object } = {},
): Promise<Child & { another(): Promise<TestClient> }> {
  const script = fileURLToPath(new URL('testing/serve-child.ts', import.meta.url));
  const child = spawn(process.execPath, [script, folder, String(hours), JSON.stringify(limits)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await firstLine(child);
  const clients: TestClient[] = [];
  const another = async () => {
    const client = new TestClient(url, basic(admin.name, admin.password));
    clients.push(client);
    return client;
  };
  const kill = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await Promise.all(clients.map((client) => client.close()));
  };
  t.teardown(kill);
  return { client: await another(), another, kill };
}

async function firstLine(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout as NonNullable<ChildProcess['stdout']>) {
    text += String(chunk);
    if (text.endsWith('\n')) return text.trim();
  }
  throw new Error('the registry ended before it was ready');
}
