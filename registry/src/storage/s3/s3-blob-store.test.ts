import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test, { type ExecutionContext } from 'ava';
import { makeCertificate } from '../../testing/certificate.ts';
import { createBlobKey } from '../blob-key.ts';
import { emptyUpload } from '../blob-store.ts';
import { BlobStoreError } from '../blob-store-error.ts';
import { putBlob } from '../put-blob.ts';
import { s3Servers } from '../testing/s3-servers.ts';
import { partBytesAfter, smallestPartBytes } from './s3-blob-appender.ts';
import { S3BlobStore } from './s3-blob-store.ts';
import type { S3BucketOptions } from './s3-bucket.ts';
import { parseS3Location } from './s3-location.ts';

const quickRetry = { attempts: 4, firstPauseMs: 1, longestPauseMs: 1, random: () => 0 };
const large = Buffer.alloc(2 * smallestPartBytes + 1000, 'content of several parts ');

for (const { name, bucket } of s3Servers()) {
  const title = (text: string) => `${name}: ${text}`;

  test(title('a small blob costs one request, a large one its parts and two more'), async (t) => {
    const { store, requests } = await open(t, await bucket());
    const key = await putBlob(store, [Buffer.from('small')]);
    t.deepEqual(requests.splice(0), ['PUT']);
    await store.get(key).then((stream) => stream.resume());
    t.deepEqual(requests.splice(0), ['GET']);
    await putBlob(store, [large]);
    t.deepEqual(requests.splice(0), ['POST', 'PUT', 'PUT', 'PUT', 'POST']);
  });

  test(title('many blobs are removed by one request for each thousand'), async (t) => {
    const { store, requests } = await open(t, await bucket());
    const key = await putBlob(store, [Buffer.from('one of many')]);
    const unfinished = Array.from({ length: 1500 }, () => ({ key: createBlobKey(), state: emptyUpload }));
    requests.length = 0;
    await store.discard([...unfinished, { key, state: emptyUpload }]);
    t.deepEqual(requests, ['POST', 'POST']);
    t.false(await store.has(key));
  });

  test(title('locate() gives a URL that anybody can read, whole and in parts'), async (t) => {
    const { store, requests } = await open(t, await bucket({ redirect: 'true' }));
    const key = await putBlob(store, [Buffer.from('0123456789')]);
    requests.length = 0;
    const url = (await store.locate(key)) as string;
    t.deepEqual(requests, []);
    const whole = await fetch(url);
    t.is(await whole.text(), '0123456789');
    t.is(whole.headers.get('content-type'), 'application/octet-stream');
    const part = await fetch(url, { headers: { range: 'bytes=3-5' } });
    t.is(part.status, 206);
    t.is(await part.text(), '345');
    const another = url.replace(key, createBlobKey());
    t.is((await fetch(another)).status, 403, 'the signature is for one object');
    t.is((await fetch(url, { method: 'DELETE' })).status, 403, 'and for reading');
  });

  test(title('locate() leads to the public endpoint, and nowhere unless asked to'), async (t) => {
    const key = createBlobKey();
    const { store: closed } = await open(t, await bucket());
    t.is(await closed.locate(key), undefined);
    const publicEndpoint = 'https://blobs.example.com:8443';
    const { store } = await open(t, await bucket({ 'public-endpoint': publicEndpoint }));
    t.is(new URL((await store.locate(key)) as string).origin, publicEndpoint);
  });

  test(title('two registries share a bucket under different prefixes'), async (t) => {
    const options = await bucket();
    const { store: first } = await open(t, options);
    const { store: second } = await open(t, {
      ...options,
      location: { ...options.location, prefix: 'other/' },
    });
    const key = await putBlob(first, [Buffer.from('of the first')]);
    t.deepEqual(await Array.fromAsync(second.list()), []);
    t.false(await second.has(key));
    t.deepEqual(await Array.fromAsync(first.list()), [{ key, sizeBytes: 12 }]);
  });

  test(title('list() goes through more than a page'), async (t) => {
    const { store } = await open(t, await bucket());
    const keys = Array.from({ length: 1001 }, createBlobKey);
    for (let at = 0; at < keys.length; at += 50) {
      await Promise.all(keys.slice(at, at + 50).map((key) => store.complete(key, emptyUpload)));
    }
    const listed = await Array.fromAsync(store.list(), ({ key }) => key);
    t.deepEqual(listed.toSorted(), keys.toSorted());
  });

  test(title('an appender that is closed before its state was noted leaves nothing'), async (t) => {
    const { store } = await open(t, await bucket());
    const appender = await store.append(createBlobKey(), emptyUpload);
    await appender.write(large);
    await appender.close();
    t.deepEqual(await Array.fromAsync(store.listUploads()), []);
  });

  test(title('an upload with a part that somebody replaced is refused, not stored'), async (t) => {
    const { store } = await open(t, await bucket());
    const key = createBlobKey();
    const appender = await store.append(key, emptyUpload);
    await appender.write(large);
    const state = await appender.save();
    await appender.close();
    const parts = JSON.parse(state.notes) as { tags: string[] };
    const notes = JSON.stringify({
      ...parts,
      tags: parts.tags.toReversed().map((tag) => tag.replace(/^./, 'f')),
    });
    const error = await t.throwsAsync(store.complete(key, { ...state, notes }), {
      instanceOf: BlobStoreError,
    });
    t.is(error?.code, 'UPLOAD_MISSING');
    t.false(await store.has(key));
  });

  test(title('connections that break are not noticed'), async (t) => {
    const { options, faults } = await throughProxy(t, await bucket());
    const { store } = await open(t, options);
    faults.push('cut', 'busy', 'cut');
    const key = await putBlob(store, [large]);
    t.deepEqual(faults, []);
    faults.push('busy', 'half', 'cut', 'half');
    const sink = new PassThrough({ highWaterMark: 2 * large.byteLength });
    await store.send(key, sink);
    t.true(large.equals(sink.read() as Buffer));
    t.deepEqual(faults, []);
    faults.push('half');
    const part = Buffer.concat(
      await Array.fromAsync(await store.get(key, { offset: 1000, length: 6_000_000 })),
    );
    t.true(large.subarray(1000, 6_001_000).equals(part));
  });

  test(title('https is checked against the certificates given'), async (t) => {
    if (!needsTool(t, 'openssl')) return;
    const options = await bucket();
    const files = makeCertificate(temporaryFolder(t), 'DNS:localhost');
    const certificates = { key: readFileSync(files.key), cert: readFileSync(files.certificate) };
    const { endpoint } = options.location;
    const port = await serveFor(
      t,
      createTlsServer(certificates, (incoming, outgoing) => void pass(incoming, outgoing, endpoint, [])),
    );
    const location = { ...options.location, endpoint: new URL(`https://localhost:${port}`) };
    const { store } = await open(t, { ...options, location, ca: certificates.cert.toString() });
    const key = await putBlob(store, [large]);
    t.true(large.equals(Buffer.concat(await Array.fromAsync(await store.get(key)))));
    const error = await t.throwsAsync(S3BlobStore.open({ ...options, location }), {
      instanceOf: BlobStoreError,
      message: /self-signed certificate/,
    });
    t.is(error?.code, 'STORE_UNREACHABLE');
  });

  test(title('a storage that stays busy or away is named'), async (t) => {
    const { options, faults } = await throughProxy(t, await bucket());
    const { store } = await open(t, options);
    for (const fault of ['busy', 'cut'] as const) {
      faults.push(fault, fault, fault, fault);
      const error = await t.throwsAsync(store.has(createBlobKey()), { instanceOf: BlobStoreError });
      t.is(error?.code, 'STORE_UNREACHABLE');
      t.regex(error?.message ?? '', /^can't look at registry\/blobs\/[0-9a-f]{32} in s3:\/\/bucket-/);
      t.deepEqual(faults, []);
    }
  });

  test(title('a start with wrong settings says what was tried'), async (t) => {
    const options = await bucket();
    const { location, credentials } = options;
    const cases = [
      [
        { credentials: { ...credentials, secretKey: 'wrong' } },
        'STORE_REFUSED',
        /AccessDenied|Signature/,
        'a wrong secret',
      ],
      [
        { location: { ...location, bucket: 'no-such-bucket-of-tests' } },
        'STORE_REFUSED',
        /there is no bucket no-such-bucket-of-tests/,
        'no bucket',
      ],
      [
        { location: { ...location, endpoint: new URL('http://127.0.0.1:1') } },
        'STORE_UNREACHABLE',
        /ECONNREFUSED 127\.0\.0\.1:1/,
        'nothing listens',
      ],
      [
        { location: { ...location, endpoint: new URL(`https://${location.endpoint.host}`) } },
        'STORE_UNREACHABLE',
        /SSL|wrong version/,
        'no TLS there',
      ],
    ] as const;
    for (const [change, code, message, reason] of cases) {
      const opening = S3BlobStore.open({ ...options, ...change, retry: quickRetry });
      const error = await t.throwsAsync(opening, { instanceOf: BlobStoreError, message }, reason);
      t.is(error?.code, code, reason);
      t.truthy(error?.hint, reason);
    }
  });
}

test('parts are as small as allowed below 5 GiB, and 10,000 of them have room for a terabyte', (t) => {
  t.is(partBytesAfter(0), smallestPartBytes);
  t.is(partBytesAfter(999), smallestPartBytes);
  let sum = 0;
  for (let parts = 0; parts < 10_000; parts += 1) sum += partBytesAfter(parts);
  t.true(sum >= 1024 ** 4);
});

async function open(t: ExecutionContext, options: S3BucketOptions) {
  const requests: string[] = [];
  const store = await S3BlobStore.open({
    retry: quickRetry,
    ...options,
    onRequest: (method) => requests.push(method),
  });
  t.teardown(() => store.close());
  requests.length = 0;
  return { store, requests };
}

/** What happens to a request: refused for now, cut off before its answer, or in the middle of it. */
type Fault = 'busy' | 'cut' | 'half';

/** Puts a proxy in front of the storage that does to the next requests what the list says. */
async function throughProxy(t: ExecutionContext, options: S3BucketOptions) {
  const faults: Fault[] = [];
  const { endpoint } = options.location;
  const port = await serveFor(
    t,
    createServer((incoming, outgoing) => void pass(incoming, outgoing, endpoint, faults)),
  );
  const { bucket } = options.location;
  const location = parseS3Location(`s3://${bucket}/registry?endpoint=http://127.0.0.1:${port}`);
  return { faults, options: { ...options, location } };
}

async function serveFor(t: ExecutionContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function pass(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  to: URL,
  faults: Fault[],
): Promise<void> {
  // The check at the start has none.
  const fault = incoming.method === 'HEAD' && !incoming.url?.includes('/blobs/') ? undefined : faults.shift();
  if (fault === 'cut') {
    incoming.destroy();
    return;
  }
  if (fault === 'busy') {
    incoming.resume();
    outgoing.writeHead(503).end('<Error><Code>SlowDown</Code><Message>later</Message></Error>');
    return;
  }
  const { method, url, headers } = incoming;
  const sent = request({ host: to.hostname, port: to.port, method, path: url, headers });
  incoming.pipe(sent);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
  if (fault === undefined) {
    answer.pipe(outgoing);
    return;
  }
  let left = Number(answer.headers['content-length']) / 2;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    left -= chunk.byteLength;
    if (left < 0) break;
    if (!outgoing.write(chunk)) await once(outgoing, 'drain');
  }
  outgoing.destroy();
}
