import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { BuilderError } from '../builder-error.ts';
import { archiveUrl, openUrl, readUrl, shownUrl, withRetries } from './http.ts';
import { startServer } from './testing/test-server.ts';

const once = { retryDelaysMs: [] };

const read = async (url: string, offset = 0): Promise<string> => {
  const { content } = await openUrl(url, offset);
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

test('openUrl() reads a file from an offset on', async (t) => {
  const { url } = await startServer(t, new Map([['a', Buffer.from('0123456789')]]));
  t.is(await read(`${url}/a`), '0123456789');
  t.is(await read(`${url}/a`, 7), '789');
  t.is((await openUrl(`${url}/a`, 7)).offset, 7);
});

test('openUrl() says when a server knows no ranges', async (t) => {
  const { url, files } = await startServer(t);
  files.set('a', (_request, response) => response.end('0123456789'));
  t.is((await openUrl(`${url}/a`, 7)).offset, 0);
});

test('openUrl() follows redirects', async (t) => {
  const { url, files } = await startServer(t, new Map([['b', Buffer.from('there')]]));
  files.set('a', (_request, response) => response.writeHead(302, { location: '/b' }).end());
  t.is(await read(`${url}/a`), 'there');
});

test('openUrl() asks for content as it is stored and names no password in the address', async (t) => {
  const { url, files } = await startServer(t);
  files.set('a', ({ headers }, response) => {
    response.end(JSON.stringify([headers['accept-encoding'], headers.authorization]));
  });
  const withPassword = url.replace('http://', 'http://user:p%40ss@');
  const credentials = Buffer.from('user:p@ss').toString('base64');
  t.deepEqual(JSON.parse(await read(`${withPassword}/a`)), ['identity', `Basic ${credentials}`]);
});

const statuses: readonly (readonly [status: number, code: string, why: string])[] = [
  [404, 'ARCHIVE_NOT_FOUND', 'the archive has no such file'],
  [410, 'ARCHIVE_NOT_FOUND', 'nor any more'],
  [401, 'ARCHIVE_RESPONSE', 'it wants a password'],
  [403, 'ARCHIVE_RESPONSE', 'it refuses'],
  [204, 'ARCHIVE_RESPONSE', 'it has nothing to say'],
  [416, 'ARCHIVE_RESPONSE', 'the file is shorter than the offset'],
  [429, 'ARCHIVE_UNREACHABLE', 'it has too much to do, which may pass'],
  [500, 'ARCHIVE_UNREACHABLE', 'it failed, which may pass'],
  [503, 'ARCHIVE_UNREACHABLE', 'it is being maintained'],
];

for (const [status, code, why] of statuses) {
  test(`openUrl() takes status ${status} for ${code}: ${why}`, async (t) => {
    const { url, files } = await startServer(t);
    files.set('a', (_request, response) => response.writeHead(status).end());
    const error = await t.throwsAsync(openUrl(`${url}/a`, 0), { instanceOf: BuilderError, code });
    t.true(error?.message.includes(`${url}/a`), error?.message);
  });
}

test('openUrl() says that nobody listens', async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const url = `http://user:secret@127.0.0.1:${port}/a`;
  const error = await t.throwsAsync(openUrl(url, 0), {
    code: 'ARCHIVE_UNREACHABLE',
    message: /nothing answers at this address \(ECONNREFUSED\)/,
  });
  t.false(error?.message.includes('secret'), error?.message);
});

test('openUrl() notices a connection that ends early', async (t) => {
  const { url, files } = await startServer(t);
  files.set('a', (_request, response) => {
    response.writeHead(200, { 'content-length': 100 }).write('0123456789');
    response.once('drain', () => undefined);
    setImmediate(() => response.destroy());
  });
  await t.throwsAsync(read(`${url}/a`), { code: 'ARCHIVE_UNREACHABLE' });
});

test('openUrl() ends with the reason of the signal, also while reading', async (t) => {
  const { url, files } = await startServer(t);
  files.set('a', (_request, response) => response.writeHead(200).write('0123456789'));
  const stop = new AbortController();
  const { content } = await openUrl(`${url}/a`, 0, stop.signal);
  const reading = (async () => {
    for await (const _ of content) stop.abort(new Error('enough'));
  })();
  await t.throwsAsync(reading, { message: 'enough' });
  await t.throwsAsync(openUrl(`${url}/a`, 0, stop.signal), { message: 'enough' });
});

test('readUrl() stops at its limit, however much there is, and ends the connection', async (t) => {
  const { url, files } = await startServer(t, new Map([['a', Buffer.alloc(100)]]));
  const closed = new Promise<void>((resolve) => {
    files.set('endless', (_request, response) => {
      const more = (): void => {
        while (response.write('x'.repeat(10_000)));
      };
      response.on('drain', more).on('close', resolve);
      more();
    });
  });
  const reading = readUrl(`${url}/endless`, 100_000, once);
  await t.throwsAsync(reading, { code: 'ARCHIVE_RESPONSE', message: /100000 bytes/ });
  await closed;
  t.is((await readUrl(`${url}/a`, 100, once)).length, 100);
});

test('readUrl() tries again and reports how much it has', async (t) => {
  const { url, files, requests } = await startServer(t);
  files.set('a', (_request, response) => {
    if (requests.length === 1) response.writeHead(503).end();
    else if (requests.length === 2) {
      response.writeHead(200, { 'content-length': 10 }).write('01234');
      setImmediate(() => response.destroy());
    } else response.end('0123456789');
  });
  const sizes: number[] = [];
  const options = { retryDelaysMs: [0, 0], onReceived: (size: number) => sizes.push(size) };
  t.is((await readUrl(`${url}/a`, 10, options)).toString(), '0123456789');
  t.is(requests.length, 3);
  t.is(sizes.at(-1), 10);
  t.true(sizes.every((size) => size <= 10));
});

test('readUrl() does not try again what will not change', async (t) => {
  const { url, requests } = await startServer(t);
  await t.throwsAsync(readUrl(`${url}/a`, 10, { retryDelaysMs: [0, 0] }), { code: 'ARCHIVE_NOT_FOUND' });
  t.is(requests.length, 1);
});

test('withRetries() counts anew after progress', async (t) => {
  let attempts = 0;
  const attempt = async (): Promise<number> => {
    attempts += 1;
    if (attempts < 10) throw new BuilderError('ARCHIVE_UNREACHABLE', 'away');
    return attempts;
  };
  t.is(await withRetries(attempt, { retryDelaysMs: [0] }, () => attempts), 10);
  attempts = 0;
  await t.throwsAsync(withRetries(attempt, { retryDelaysMs: [0] }), { code: 'ARCHIVE_UNREACHABLE' });
  t.is(attempts, 2);
});

test('withRetries() does not wait for a signal that was given already', async (t) => {
  const attempt = (): Promise<never> => Promise.reject(new BuilderError('ARCHIVE_UNREACHABLE', 'away'));
  const signal = AbortSignal.abort(new Error('enough'));
  await t.throwsAsync(withRetries(attempt, { retryDelaysMs: [1_000_000], signal }), { message: 'enough' });
});

test('archiveUrl() escapes every part of a path', (t) => {
  t.is(
    archiveUrl('http://a.example/debian//', 'pool/g++_1%3a2~3.deb'),
    'http://a.example/debian/pool/g%2B%2B_1%253a2~3.deb',
  );
});

test('shownUrl() leaves out the password and quotes what is no address', (t) => {
  t.is(shownUrl('http://user:secret@a.example/debian'), 'http://a.example/debian');
  t.is(shownUrl('no\u001baddress'), '"no\\u001baddress"');
});
