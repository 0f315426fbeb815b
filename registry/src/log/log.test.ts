import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bundleMediaType } from '@img/sign/bundle';
import { checkProof } from '@img/sign/log/check-proof';
import { verifyCheckpoint } from '@img/sign/log/checkpoint';
import { formatNoteKey, parseNoteKey } from '@img/sign/log/note-key';
import { cosignNote, encodeSignature, parseNote } from '@img/sign/log/signed-note';
import { emptyRoot } from '@img/sign/log/tree-hash';
import { signImages } from '@img/sign/sign-image';
import { signatureTag } from '@img/sign/signature-manifest';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { testClaim } from '@img/sign/testing/test-claim';
import { testKey } from '@img/sign/testing/test-keys';
import { testWitness } from '@img/sign/testing/test-log';
import { unixTime } from '@img/sign/unix-time';
import { parseRegistryHost } from '@img/spec/registry-host';
import { parseRepositoryName } from '@img/spec/repository-name';
import test, { type ExecutionContext } from 'ava';
import { type Stage, startStage } from '../accounts/testing/stage.ts';
import { ImageStore } from '../images/image-store.ts';
import type { RegistryOptions } from '../server/registry-options.ts';
import type { TestClient } from '../server/testing/test-client.ts';
import { fill, index } from '../testing/attached-image.ts';
import { opened } from '../testing/content.ts';
import { quickRetry } from '../testing/quick-retry.ts';
import { collectEvidence } from '../transfer/collect-evidence.ts';
import { entriesOf, followLog } from './follow-log.ts';
import { LogClient } from './log-client.ts';
import type { LogDocument } from './log-document.ts';
import { logSignatures, type SignatureLog } from './log-signatures.ts';

const namespace = parseRepositoryName('com.example');
const { repository } = testClaim;

async function bundleOf(sequence = 1, claim: Partial<typeof testClaim> = {}, n = 1): Promise<Uint8Array> {
  const image = { descriptor: index.descriptor, existingSignatures: undefined };
  const { blobs } = await signImages(testKey(n), { ...testClaim, sequence, ...claim }, [image]);
  const bundle = blobs.find(({ descriptor }) => descriptor.mediaType === bundleMediaType);
  return bundle?.bytes ?? new Uint8Array();
}

const put = (client: TestClient, body: object, name: string = namespace) =>
  client.send('PUT', `/log?name=${name}`, {
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
const add = (client: TestClient, bundle: Uint8Array, to: string = namespace) =>
  client.send('POST', `/log/${to}/entries`, { body: bundle });

/** A registry whose organisation com.example has a log. */
async function startWithLog(
  t: ExecutionContext,
  options: Partial<RegistryOptions> = {},
): Promise<Stage & { readonly log: LogDocument }> {
  const stage = await startStage(t, options);
  const answer = await put(stage.as('owner'), {});
  t.is(answer.status, 200, answer.text);
  return { ...stage, log: answer.json as LogDocument };
}

function clientOf(
  t: ExecutionContext,
  { running, cast }: Stage,
  name: 'owner' | 'writer' | 'reader',
): LogClient {
  const [username = '', password = ''] = Buffer.from(cast[name]?.slice('Basic '.length) ?? '', 'base64')
    .toString()
    .split(':');
  const client = new LogClient(running.host, {
    retry: quickRetry,
    credentials: async () => ({ kind: 'password', username, password }),
  });
  t.teardown(() => client[Symbol.asyncDispose]());
  return client;
}

test('whoever administers an organisation makes its log, which the registry names after itself', async (t) => {
  const stage = await startStage(t);
  t.is((await stage.as('reader').send('GET', `/log?name=${namespace}`)).status, 404, 'there is none yet');
  for (const name of ['outsider', 'reader', 'writer', 'writing robot'] as const) {
    t.is((await put(stage.as(name), {})).status, 403, name);
  }
  t.is((await put(stage.as('nobody'), {})).status, 401);
  const made = (await put(stage.as('owner'), {})).json as LogDocument;
  t.like(made, { namespace, size: 0, visibility: 'private', witnesses: [] });
  t.is(parseNoteKey(made.key).name, `${stage.running.host}/log/${namespace}`);
  t.is(
    ((await put(stage.as('owner'), { visibility: 'public' })).json as LogDocument).key,
    made.key,
    'the same',
  );
  t.is((await put(stage.as('administrator'), {}, 'org.example')).status, 404, 'no such organisation');
  const bad: readonly object[] = [
    { visibility: 'secret' },
    { witnesses: [{ key: made.key, url: 'https://w.example' }] },
    { witnesses: [{ key: formatNoteKey(testWitness('w', 91).key), url: 'file:///etc' }] },
    { other: 1 },
  ];
  for (const body of bad)
    t.is((await put(stage.as('administrator'), body)).status, 400, JSON.stringify(body));
  const witness = { key: formatNoteKey(testWitness('w', 91).key), url: 'http://127.0.0.1:1' };
  t.is((await put(stage.as('owner'), { witnesses: [witness] })).status, 403, 'the registry would send to it');
});

test('a log shows itself to those who may pull what it is about, and to everybody if it is public', async (t) => {
  const stage = await startWithLog(t);
  t.is((await add(stage.as('writer'), await bundleOf())).status, 200);
  const paths = [`/log?name=${repository}`, 'checkpoint', 'tile/0/000.p/1', 'tile/entries/000.p/1'].map(
    (path) => (path.startsWith('/') ? path : `/log/${namespace}/${path}`),
  );
  for (const path of paths) {
    t.is((await stage.as('reader').send('GET', path)).status, 200, path);
    t.is((await stage.as('nobody').send('GET', path)).status, 401, path);
    t.is((await stage.as('outsider').send('GET', path)).status, 404, `${path} is as if it weren't there`);
    t.is((await stage.as('reader').send('DELETE', path)).status, 405, path);
  }
  await put(stage.as('owner'), { visibility: 'public' });
  for (const path of paths) t.is((await stage.as('nobody').send('GET', path)).status, 200, path);
  for (const path of ['tile/0/000', 'tile/0/000.p/2', 'tile/1/000.p/1', 'tile/entries/001.p/1', 'tile/x']) {
    t.is((await stage.as('nobody').send('GET', `/log/${namespace}/${path}`)).status, 404, path);
  }
  const { headers } = await stage.as('nobody').send('GET', `/log/${namespace}/checkpoint`);
  t.like(headers, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache' });
});

test('pushers add what is signed for their repositories, once, and get its proof', async (t) => {
  const stage = await startWithLog(t);
  const known = { key: parseNoteKey(stage.log.key), witnesses: [], requireWitnesses: 0 };
  const bundle = await bundleOf();
  for (const name of ['writer', 'owner', 'writing robot', 'administrator'] as const) {
    const { status, text } = await add(stage.as(name), bundle);
    t.is(status, 200, text);
    t.like(checkProof(bundle, text, known), { problem: undefined, index: 0, size: 1 }, name);
  }
  t.is((await add(stage.as('nobody'), bundle)).status, 401);
  for (const name of ['outsider', 'reader', 'reading robot'] as const) {
    t.is((await add(stage.as(name), bundle)).status, 403, name);
  }
  const other = await bundleOf(1, { repository: parseRepositoryName('org.example.app') });
  t.is((await add(stage.as('writer'), other)).status, 403, 'may not push there');
  t.is((await add(stage.as('administrator'), other)).status, 403, 'another organisation');
  t.is((await add(stage.as('administrator'), bundle, 'org.example')).status, 404, 'no such log');
  t.is((await add(stage.as('writer'), Buffer.from('{}'))).status, 400, 'no bundle');
  t.is((await add(stage.as('writer'), new Uint8Array(65_536))).status, 413, 'longer than an entry can be');
  const second = await bundleOf(2);
  t.like(checkProof(second, (await add(stage.as('writer'), second)).text, known), { index: 1, size: 2 });
});

test('LogClient finds a log, adds to it and reads it', async (t) => {
  const stage = await startWithLog(t);
  const [writer, reader] = [clientOf(t, stage, 'writer'), clientOf(t, stage, 'reader')];
  const found = await writer.find(repository);
  t.deepEqual(found, stage.log);
  t.is(await writer.find(parseRepositoryName('org.example.app')), undefined);
  const bundles = [await bundleOf(1), await bundleOf(2), await bundleOf(3)];
  for (const bundle of bundles) await writer.add(stage.log, repository, bundle);
  await t.throwsAsync(reader.add(stage.log, repository, await bundleOf(4)), { code: 'ACCESS_DENIED' });
  const known = { key: parseNoteKey(stage.log.key), witnesses: [], requireWitnesses: 0 };
  const seen: Uint8Array[] = [];
  const onEntry = (_: number, entry: Uint8Array) => seen.push(entry);
  const now = await followLog(reader.reader(stage.log), known, {
    since: { size: 0, root: emptyRoot },
    onEntry,
  });
  t.is(now.size, 3);
  t.deepEqual(
    seen.map((entry) => Buffer.from(entry)),
    bundles.map((bundle) => Buffer.from(bundle)),
  );
  const [last] = await Array.fromAsync(entriesOf(reader.reader(stage.log), { begin: 2, end: 3 }));
  t.deepEqual(Buffer.from(last?.[1] ?? []), Buffer.from(bundles[2] ?? []));
  const settings = await clientOf(t, stage, 'owner').setUp(namespace, { visibility: 'public' });
  t.like(settings, { visibility: 'public', size: 3 });
  await t.throwsAsync(reader.setUp(namespace, {}), { code: 'ACCESS_DENIED' });
});

test('a log has its witnesses sign what it publishes, and goes on without those that do not', async (t) => {
  // A witness may take as long as it takes here.
  const stage = await startWithLog(t, { limits: { witnessMs: 3_600_000 } });
  const { key, signer } = testWitness('w.example', 91);
  let known = 0;
  const asked: string[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const body = Buffer.concat(await Array.fromAsync(request)).toString();
    asked.push(body.split('\n', 1)[0] ?? '');
    const note = parseNote(body.slice(body.indexOf('\n\n') + 2));
    const { size } = verifyCheckpoint(body.slice(body.indexOf('\n\n') + 2), parseNoteKey(stage.log.key));
    if (body.startsWith(`old ${known}\n`)) {
      known = size;
      response.end(
        encodeSignature(await cosignNote(note.text, { key, signer, time: unixTime(1_800_000_000) })),
      );
    } else {
      response.statusCode = 409;
      response.end(`${known}\n`);
    }
  };
  const witness = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => witness.listen(0, '127.0.0.1', resolve));
  t.teardown(() => witness.close());
  const url = `http://127.0.0.1:${(witness.address() as AddressInfo).port}/`;
  const silent = { key: formatNoteKey(testWitness('silent.example', 92).key), url: 'http://127.0.0.1:1/' };
  const set = await put(stage.as('administrator'), { witnesses: [{ key: formatNoteKey(key), url }, silent] });
  t.is(set.status, 200, set.text);
  const required = { key: parseNoteKey(stage.log.key), witnesses: [key], requireWitnesses: 1 };
  for (const n of [1, 2]) {
    const bundle = await bundleOf(n);
    const { text } = await add(stage.as('writer'), bundle);
    t.like(checkProof(bundle, text, required), { problem: undefined, index: n - 1 });
  }
  t.deepEqual(asked, ['old 0', 'old 0', 'old 1'], 'once when it was named, and then for each entry');
  // Somebody else has shown it the log in the meantime, or the note of it was lost.
  known = 0;
  const third = await bundleOf(3);
  t.is(checkProof(third, (await add(stage.as('writer'), third)).text, required).problem, undefined);
  t.deepEqual(asked.slice(3), ['old 2', 'old 0']);
});

test('logSignatures() keeps the proofs with the signatures, wherever they are', async (t) => {
  const stage = await startWithLog(t);
  const client = clientOf(t, stage, 'writer');
  const store = new ImageStore(temporaryFolder(t));
  t.teardown(() => store.close());
  const place = store.repository({ registry: parseRegistryHost('reg.example'), repository });
  await fill(place);
  const image = { descriptor: index.descriptor, existingSignatures: undefined };
  const { blobs, manifests } = await signImages(testKey(1), testClaim, [image]);
  for (const { descriptor, bytes } of blobs) await place.putBlob({ descriptor }, opened(bytes));
  for (const { tag, ...content } of manifests) {
    if (tag !== signatureTag(index.descriptor.digest)) await place.putManifest(content);
  }
  const known = { key: parseNoteKey(stage.log.key), witnesses: [], requireWitnesses: 0 };
  const log: SignatureLog = {
    log: known,
    repository,
    add: (bundle, options) => client.add(stage.log, repository, bundle, options),
  };
  const { digest } = index.descriptor;
  t.is(await logSignatures(place, digest, log), 1);
  const { bundles, proofs = [] } = await collectEvidence(place, digest);
  const proven = bundles.map((bundle, at) => checkProof(bundle, proofs[at], known).problem);
  t.deepEqual(proven.toSorted(), [undefined, 'NOT_LOGGED'].toSorted(), 'what is no signature of it has none');
  t.is(await logSignatures(place, digest, log), 0, 'again');
  const forged = { ...log, add: async () => 'nonsense' };
  const elsewhere = { ...forged, log: { ...known, key: parseNoteKey(formatNoteKey(known.key)) } };
  t.is(await logSignatures(place, digest, elsewhere), 0);
  const other: SignatureLog = { ...forged, log: { ...known, key: testLogKey() } };
  await t.throwsAsync(logSignatures(place, digest, other), {
    code: 'ANSWER_INVALID',
    message: /proves nothing/,
  });
});

function testLogKey() {
  return parseNoteKey('example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k');
}
