import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { digestOf } from '@img/spec/digest';
import test, { type ExecutionContext } from 'ava';
import { admin, basic, startTestRegistry, type TestRegistry } from './testing/test-registry.ts';

const authorization = `Authorization: ${basic(admin.name, admin.password)}`;
const content = 'content';
const post = `POST /v2/app/blobs/uploads/?digest=${digestOf(Buffer.from(content))} HTTP/1.1`;

test('whoever waits for "100 Continue" gets a refusal before the body is sent', async (t) => {
  const socket = await open(t, await startTestRegistry(t));
  socket.write(lines(post, 'Host: r', 'Content-Length: 7', 'Expect: 100-continue', '', ''));
  t.regex(await untilText(socket, '}'), /^HTTP\/1\.1 401 /);
});

test('whoever waits for "100 Continue" gets it when the body is wanted', async (t) => {
  const socket = await open(t, await startTestRegistry(t));
  socket.write(lines(post, 'Host: r', authorization, 'Content-Length: 7', 'Expect: 100-continue', '', ''));
  t.is(await untilText(socket, '\r\n\r\n'), 'HTTP/1.1 100 Continue\r\n\r\n');
  socket.write(content);
  t.regex(await untilText(socket, '\r\n\r\n'), /^HTTP\/1\.1 201 /);
});

test('a blob that is announced as too long is refused before it is sent', async (t) => {
  const socket = await open(t, await startTestRegistry(t, { limits: { blobBytes: 100 } }));
  socket.write(lines(post, 'Host: r', authorization, 'Content-Length: 101', 'Expect: 100-continue', '', ''));
  t.regex(await untilText(socket, '}'), /^HTTP\/1\.1 413 /);
});

test('a body that comes too slowly is given up with 408', async (t) => {
  const limits = { slowBodyMs: 50, slowBodyBytes: 1000 };
  const registry = await startTestRegistry(t, { limits });
  const socket = await open(t, registry);
  socket.write(
    lines('PUT /v2/app/manifests/v1 HTTP/1.1', 'Host: r', authorization, 'Content-Length: 9999', '', ''),
  );
  const answered = untilText(socket, '}');
  const drip = new AbortController();
  const dripping = (async () => {
    while (!drip.signal.aborted) {
      socket.write('x');
      await setTimeout(5);
    }
  })();
  t.regex(await answered, /^HTTP\/1\.1 408 /);
  drip.abort();
  await dripping;
});

test('a head that comes too slowly is given up, however long it moves', async (t) => {
  const socket = await open(t, await startTestRegistry(t, { limits: { headMs: 50 } }));
  const closed = closing(socket);
  socket.write(lines('GET /v2/ HTTP/1.1', 'Host: r', 'X-Slow: '));
  const drip = new AbortController();
  const dripping = (async () => {
    while (!drip.signal.aborted) {
      socket.write('x');
      await setTimeout(5);
    }
  })();
  await closed;
  drip.abort();
  await dripping;
  t.pass();
});

test('a body where none belongs is no request of its own', async (t) => {
  const registry = await startTestRegistry(t);
  const hidden = lines('GET /v2/hidden/tags/list HTTP/1.1', 'Host: r', authorization, '', '');
  for (const method of ['HEAD', 'GET', 'DELETE', 'POST']) {
    const socket = await open(t, registry);
    socket.write(lines(`${method} /v2/ HTTP/1.1`, 'Host: r', `Content-Length: ${hidden.length}`, '', hidden));
    socket.write(lines('GET /healthz HTTP/1.1', 'Host: r', 'Connection: close', '', ''));
    const text = await untilText(socket, 'never');
    t.deepEqual(
      text.match(/HTTP\/1\.1 \d+/g),
      [`HTTP/1.1 ${['HEAD', 'GET'].includes(method) ? 401 : 405}`, 'HTTP/1.1 200'],
      method,
    );
  }
});

test('an endless body ends with 413 and then the connection', async (t) => {
  const registry = await startTestRegistry(t, { limits: { blobBytes: 1_000_000, lingerMs: 300 } });
  for (const request of [post, 'PUT /v2/app/manifests/v1 HTTP/1.1']) {
    const socket = await open(t, registry);
    socket.write(lines(request, 'Host: r', authorization, 'Transfer-Encoding: chunked', '', ''));
    const answered = untilText(socket, '}');
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const closed = closing(socket);
    const write = () => {
      while (socket.write(chunk));
    };
    socket.on('drain', write);
    write();
    await closed;
    t.regex(await answered, /^HTTP\/1\.1 413 /);
  }
  t.is((await registry.client.send('GET', '/v2/')).status, 200);
});

test('a connection on which nothing moves is cut', async (t) => {
  const registry = await startTestRegistry(t, { limits: { idleMs: 50 } });
  for (const begun of [
    '',
    'GET /v2/ HT',
    lines(post, 'Host: r', authorization, 'Content-Length: 7', '', 'con'),
  ]) {
    const socket = await open(t, registry);
    const closed = closing(socket);
    socket.write(begun);
    await closed;
    t.pass(begun);
  }
});

test('ten thousand chunks of one byte are one blob', async (t) => {
  const registry = await startTestRegistry(t);
  const { client } = registry;
  const bytes = Buffer.alloc(10_000, 'x');
  const digest = digestOf(bytes);
  const socket = await open(t, registry);
  socket.write(
    lines(
      `POST /v2/app/blobs/uploads/?digest=${digest} HTTP/1.1`,
      'Host: r',
      authorization,
      'Transfer-Encoding: chunked',
      '',
      '',
    ),
  );
  socket.write('1\r\nx\r\n'.repeat(10_000));
  socket.write('0\r\n\r\n');
  t.regex(await untilText(socket, '\r\n\r\n'), /^HTTP\/1\.1 201 /);
  t.true((await client.send('GET', `/v2/app/blobs/${digest}`)).bytes.equals(bytes));
});

test('a reader that goes away in the middle harms nobody', async (t) => {
  const registry = await startTestRegistry(t);
  const { client } = registry;
  const bytes = Buffer.alloc(20_000_000, 'x');
  const digest = digestOf(bytes);
  await client.send('POST', `/v2/app/blobs/uploads/?digest=${digest}`, { body: bytes });
  for (let reader = 0; reader < 5; reader += 1) {
    const socket = await open(t, registry);
    socket.write(lines(`GET /v2/app/blobs/${digest} HTTP/1.1`, 'Host: r', authorization, '', ''));
    await once(socket, 'data');
    socket.destroy();
  }
  t.is((await client.send('GET', `/v2/app/blobs/${digest}`)).bytes.byteLength, bytes.byteLength);
});

test('when the client goes away in the middle of an upload, it can go on from what is noted', async (t) => {
  const registry = await startTestRegistry(t, { limits: { checkpointBytes: 1 } });
  const { client } = registry;
  const long = Buffer.alloc(1_000_000, 'long content ');
  const location = (await client.send('POST', '/v2/app/blobs/uploads/')).headers['location'] as string;
  const stored = async () =>
    Number((await client.send('GET', location)).headers['range']?.slice('0-'.length));
  const socket = await open(t, registry);
  const length = `Content-Length: ${long.byteLength}`;
  socket.write(lines(`PATCH ${location} HTTP/1.1`, 'Host: r', authorization, length, '', ''));
  // Something more comes, and never all of it, however long the disk takes to note the first bytes.
  for (let at = 0; (await stored()) === 0; at += 1) socket.write(long.subarray(at, at + 1));
  const closed = closing(socket);
  socket.destroy();
  await closed;
  const rest = async () => {
    const start = (await stored()) + 1;
    const headers = { 'content-range': `${start}-${long.byteLength - 1}` };
    return (await client.send('PATCH', location, { headers, body: long.subarray(start) })).status === 202;
  };
  while (!(await rest()));
  const digest = digestOf(long);
  t.is((await client.send('PUT', `${location}?digest=${digest}`)).status, 201);
  t.true((await client.send('GET', `/v2/app/blobs/${digest}`)).bytes.equals(long));
});

const malformed = [
  ['GET\r\n\r\n', /^HTTP\/1\.1 400 /, 'no path'],
  ['\u0016\u0003\u0001\u0002\u0000\u0001\u0000\r\n\r\n', /^HTTP\/1\.1 400 /, 'TLS'],
  [lines('GET /v2/ HTTP/1.1', '', ''), /^HTTP\/1\.1 400 /, 'no Host'],
  [
    lines('GET /v2/ HTTP/1.1', 'Host: r', 'Content-Length: -1', '', ''),
    /^HTTP\/1\.1 400 /,
    'a length below zero',
  ],
  [
    lines('POST /v2/ HTTP/1.1', 'Host: r', 'Content-Length: 1', 'Transfer-Encoding: chunked', '', ''),
    /^HTTP\/1\.1 400 /,
    'two lengths: request smuggling',
  ],
  [
    lines('GET /v2/ HTTP/1.1', 'Host: r', `X: ${'x'.repeat(20_000)}`, '', ''),
    /^HTTP\/1\.1 431 /,
    'a huge header',
  ],
  [lines(`GET /v2/${'x'.repeat(20_000)} HTTP/1.1`, 'Host: r', '', ''), /^HTTP\/1\.1 431 /, 'a huge path'],
  [lines('GET /v2/ HTTP/9.9', 'Host: r', '', ''), /^HTTP\/1\.1 (400|505) /, 'a version that does not exist'],
] as const;

test('what is no HTTP is answered so, and others are served on', async (t) => {
  const registry = await startTestRegistry(t);
  for (const [bytes, expected, reason] of malformed) {
    const socket = await open(t, registry);
    socket.write(bytes);
    t.regex(await untilText(socket, '\r\n\r\n'), expected, reason);
  }
  t.is((await registry.client.send('GET', '/v2/')).status, 200);
});

async function open(t: ExecutionContext, { running }: Pick<TestRegistry, 'running'>): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: running.port });
  // The registry may cut it while it is written to: that is what some of these tests want.
  socket.on('error', () => undefined);
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** Resolves when a connection is over, in peace or not. */
async function closing(socket: Socket): Promise<void> {
  await new Promise((resolve) => socket.once('close', resolve));
}

/** What comes up to a text, or to the end. */
async function untilText(socket: Socket, end: string): Promise<string> {
  let text = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (text.includes(end)) return text;
  }
  return text;
}

function lines(...parts: readonly string[]): string {
  return parts.join('\r\n');
}
