import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { get } from 'node:https';
import { join } from 'node:path';
import { passConformance } from '@img/registry/server/testing/conformance';
import { TestClient } from '@img/registry/server/testing/test-client';
import { admin, basic } from '@img/registry/server/testing/test-registry';
import { makeCertificate } from '@img/registry/testing/certificate';
import { digestOf } from '@img/spec/digest';
import test, { type ExecutionContext } from 'ava';
import { type Instance, newInstance } from '../testing/run-img.ts';
import { type ServeProcess, startServe, stopServe } from '../testing/serve-process.ts';

const content = Buffer.alloc(3_000_000, 'content that comes to several processes ');
const digest = digestOf(content);
const authorization = basic(admin.name, admin.password);

test('img serve --workers: all answer and share uploads, one that is killed is replaced, SIGTERM lets a push end', async (t) => {
  const words = ['--workers', '2', '--metrics', '127.0.0.1:0', '--log', 'log.json'];
  const instance = await withPassword(t);
  const serve = await startServe(t, instance, ...words);
  const { served, said, child } = serve;
  t.is(new Set(served.workers).size, 2);
  t.is(served.administrator.newPassword, undefined);
  await bothAnswer(t, serve);
  await uploadByPieces(t, serve);

  const [killed] = served.workers as readonly [number];
  process.kill(killed, 'SIGKILL');
  await said(new RegExp(`warning: worker 1 \\(process ${killed}\\) has ended by SIGKILL`));
  const [, replacement] = await said(/worker 1 is process (\d+) now, at (\S+)/);
  t.false(served.workers?.includes(Number(replacement)));
  await bothAnswer(t, serve);

  const push = await beginPush(t, serve, Buffer.from('pushed while it stops'));
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  await said(/stopping as soon as/);
  t.is(await push.end(), 201);
  t.deepEqual(await closed, [0, null], 'the workers have ended, too: nobody writes to its stderr any more');
  const lines = (await readFile(join(instance.folder, 'log.json'), 'utf8')).trimEnd().split('\n');
  const log = lines.map((line) => JSON.parse(line) as { readonly worker?: number; readonly msg: string });
  t.deepEqual(new Set(log.flatMap(({ worker }) => worker ?? [])), new Set([1, 2]));
  t.is(log.filter(({ msg }) => msg === 'a worker has ended').length, 1);
});

test('img serve --workers: none outlives the supervisor, also with HTTPS', async (t) => {
  const instance = await withPassword(t);
  const { key, certificate } = makeCertificate(instance.folder, 'IP:127.0.0.1');
  const words = ['--workers', '2', '--tls-key', key, '--tls-certificate', certificate];
  const { served, child } = await startServe(t, instance, ...words);
  const ca = await readFile(certificate);
  for (let connection = 0; connection < 2; connection += 1) {
    const [answer] = (await once(get(`${served.url}/v2/`, { ca, agent: false }), 'response')) as [
      IncomingMessage,
    ];
    t.is(answer.statusCode, 401);
    answer.resume();
  }
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  t.deepEqual(await closed, [null, 'SIGKILL'], 'nobody writes to its stderr any more');
});

test('img serve --workers passes the official conformance suite', async (t) => {
  const { served, child } = await startServe(t, await withPassword(t), '--workers', '2');
  await passConformance(t, served.host, (await newInstance(t)).folder);
  t.is(await stopServe(child, 'SIGTERM'), 0);
});

test('img serve --workers says once why it can not start, and ends as a single process would', async (t) => {
  const { run } = await newInstance(t);
  const { code, stdout, stderr } = await run([
    'serve',
    '--workers',
    '2',
    '--listen',
    '192.0.2.1:5000',
    '--json',
  ]);
  t.is(code, 1);
  t.like(JSON.parse(stdout), { error: { code: 'ADDRESS_UNUSABLE' } });
  t.is(stderr.match(/can't listen on 192\.0\.2\.1/g)?.length, 1);
});

const refused: readonly [words: string[], variables: { [name: string]: string }, stderr: RegExp][] = [
  [['--workers', '0'], {}, /It should be a whole number from 1 to 64/],
  [['--workers', '65'], {}, /It should be a whole number from 1 to 64/],
  [[], { IMG_WORKERS: 'all' }, /IMG_WORKERS should be a whole number from 1 to 64, not "all"/],
];

for (const [words, variables, message] of refused) {
  test(`img serve refuses ${words.join(' ')}${JSON.stringify(variables)}`, async (t) => {
    const { run } = await newInstance(t);
    const { code, stderr } = await run(['serve', ...words], { variables });
    t.is(code, 2);
    t.regex(stderr, message);
  });
}

async function withPassword(t: ExecutionContext): Promise<Instance> {
  const instance = await newInstance(t);
  return { ...instance, variables: { ...instance.variables, IMG_ADMIN_PASSWORD: admin.password } };
}

/** Opens connections, which workers get in turn, until each worker of two has answered one. */
async function bothAnswer(t: ExecutionContext, { served }: ServeProcess): Promise<void> {
  const counts = async () => {
    const text = await (await fetch(served.metricsUrl as string)).text();
    return [1, 2].map((worker) => {
      const line = new RegExp(
        `^img_registry_request_seconds_count\\{.*status="401",worker="${worker}"\\} (\\d+)$`,
        'm',
      );
      return Number(line.exec(text)?.[1] ?? 0);
    });
  };
  const before = await counts();
  for (let after = before; after.some((count, index) => count === before[index]); after = await counts()) {
    t.is((await onNewConnection(served.url, (client) => client.send('GET', '/v2/'))).status, 401);
  }
}

/** Uploads a blob with a connection for each request, and reads it over two. */
async function uploadByPieces(t: ExecutionContext, { served }: ServeProcess): Promise<void> {
  const send: TestClient['send'] = (...request_) =>
    onNewConnection(served.url, (client) => client.send(...request_), authorization);
  const begun = await send('POST', '/v2/app/blobs/uploads/');
  const location = begun.headers['location'] as string;
  for (const [from, to] of [
    [0, 1_000_000],
    [1_000_000, content.byteLength],
  ] as const) {
    t.is((await send('PATCH', location, { body: content.subarray(from, to) })).status, 202);
  }
  t.is((await send('PUT', `${location}?digest=${digest}`)).status, 201);
  for (let connection = 0; connection < 2; connection += 1) {
    t.true((await send('GET', `/v2/app/blobs/${digest}`)).bytes.equals(content));
  }
}

async function onNewConnection<T>(
  url: string,
  use: (client: TestClient) => Promise<T>,
  credentials?: string,
): Promise<T> {
  const client = new TestClient(url, credentials);
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

/** Begins a push whose body is wanted by whoever has got it; the end sends it. */
async function beginPush(
  t: ExecutionContext,
  { served }: ServeProcess,
  body: Buffer,
): Promise<{ readonly end: () => Promise<number | undefined> }> {
  const path = `/v2/app/blobs/uploads/?digest=${digestOf(body)}`;
  const sending: ClientRequest = request(served.url + path, {
    method: 'POST',
    agent: false,
    headers: { authorization, expect: '100-continue', 'content-length': body.byteLength },
  });
  t.teardown(() => sending.destroy());
  sending.flushHeaders();
  await once(sending, 'continue');
  return {
    end: async () => {
      const answered = once(sending, 'response');
      sending.end(body);
      const [answer] = (await answered) as [IncomingMessage];
      answer.resume();
      return answer.statusCode;
    },
  };
}
