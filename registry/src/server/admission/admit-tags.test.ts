import { parseAttestation, signAttestation } from '@img/sign/attestation';
import { bundleMediaType, parseBundle, withProof } from '@img/sign/bundle';
import { preAuthEncoding } from '@img/sign/dsse';
import { provenanceType, verificationSummaryType } from '@img/sign/predicate-type';
import type { Claim } from '@img/sign/statement';
import { testKey } from '@img/sign/testing/test-keys';
import { TestLog } from '@img/sign/testing/test-log';
import { testDocument, testRule } from '@img/sign/testing/test-policy';
import { encodeTrustDocument, type TrustDocument } from '@img/sign/trust-document';
import { parseUnixTime, unixTime } from '@img/sign/unix-time';
import { digestOf } from '@img/spec/digest';
import { parseRepositoryName } from '@img/spec/repository-name';
import { parseTag } from '@img/spec/tag';
import test, { type ExecutionContext } from 'ava';
import { RegistryClient } from '../../client/registry-client.ts';
import { deleteRule, putRule } from '../../metadata/admission/rules.ts';
import type { Database, Writer } from '../../metadata/database.ts';
import { databases, openMigrated } from '../../metadata/testing/databases.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { MemoryBlobStore } from '../../storage/memory-blob-store.ts';
import { S3BlobStore } from '../../storage/s3/s3-blob-store.ts';
import { s3Servers } from '../../storage/testing/s3-servers.ts';
import { contentOf, opened, type TestImage, testImage, testReferrer } from '../../testing/content.ts';
import { pushSignatures, pushSigned } from '../../testing/push-signatures.ts';
import { attachedBundles, collectEvidence } from '../../transfer/collect-evidence.ts';
import { sweepOnce } from '../testing/sweep-once.ts';
import { admin, startTestRegistry } from '../testing/test-registry.ts';
import { shareRegistryKey } from './registry-key.ts';

const repository = parseRepositoryName('com.example.app');
const tag = parseTag('1.0');
const [alice, bob, carol] = [testKey(1), testKey(2), testKey(3)];
const oneOf = testDocument(testRule('com.example.', 1, ['alice', 'bob']));
const twoOf = testDocument(testRule('com.example.', 2, ['alice', 'bob']));

type OpenDatabase = (typeof databases)[number][1];

const inMemory = async (): Promise<BlobStore> => new MemoryBlobStore();

/** Where registries keep what they have: as one on a single machine does, and as several behind a load balancer do. */
const stores: readonly (readonly [name: string, open: OpenDatabase, openBlobs: typeof inMemory])[] = [
  ...databases.map(([name, open]) => [name, open, inMemory] as const),
  ...s3Servers().flatMap(({ name: s3, bucket }) => {
    const shared = databases.filter(([name]) => name === 'postgresql');
    const openBlobs = async () => S3BlobStore.open(await bucket());
    return shared.map(([name, open]) => [`${name} and ${s3}`, open, openBlobs] as const);
  }),
];

/** Two processes of one registry, and a rule at com.example. */
async function start(t: ExecutionContext, open: OpenDatabase, document: TrustDocument, openBlobs = inMemory) {
  const database = await openMigrated(t, open);
  const blobs = await openBlobs();
  const shared = { database, blobs, clock: () => Date.parse('2026-11-25T00:00:00Z') };
  const registries = [await startTestRegistry(t, shared), await startTestRegistry(t, shared)];
  const [first, second] = registries.map(({ running, client }) => {
    const remote = new RegistryClient(running.host, {
      credentials: async () => ({ kind: 'password', username: admin.name, password: admin.password }),
    });
    t.teardown(() => remote.close());
    const place = remote.repository(repository, 'push');
    const put = ({ manifest }: TestImage, reference: string) => {
      return client.send('PUT', `/v2/${repository}/manifests/${reference}`, {
        body: manifest.bytes,
        headers: { 'content-type': manifest.descriptor.mediaType },
      });
    };
    return { client, place, put };
  });
  if (first === undefined || second === undefined) throw new Error('two were started');
  await setRule(database, document);
  return { database, first, second };
}

type Side = Awaited<ReturnType<typeof start>>['first'];

async function setRule(database: Database, document: TrustDocument): Promise<void> {
  const bytes = encodeTrustDocument(document);
  const name = parseRepositoryName('com.example');
  await database.transaction((writer) => {
    return putRule(writer, { name, document: bytes, digest: digestOf(bytes), set_by: 'owner', set_at: 1 });
  });
}

/** The image's blobs, and what a signer says of it; the image itself is not there yet. */
async function prepare(
  { place }: Side,
  text: string,
  signers: readonly (readonly [ReturnType<typeof testKey>, Partial<Claim>])[],
): Promise<TestImage> {
  const image = testImage([text]);
  for (const { descriptor, bytes } of [image.config, ...image.layers]) {
    await place.putBlob({ descriptor }, opened(bytes));
  }
  for (const [signer, claim] of signers) {
    await pushSignatures(place, signer, image.manifest.descriptor, { repository, tag, ...claim });
  }
  return image;
}

async function summariesOf({ place }: Side, { manifest }: TestImage) {
  const predicateTypes = [verificationSummaryType];
  return (await collectEvidence(place, manifest.descriptor.digest, { predicateTypes })).attestations ?? [];
}

for (const [name, open, openBlobs] of stores) {
  test(`${name}: a tag is written when its rule is met, at whichever process, and not before`, async (t) => {
    const { first, second } = await start(t, open, twoOf, openBlobs);
    const image = await prepare(first, 'one', [[alice, {}]]);
    const { digest } = image.manifest.descriptor;
    const refused = await first.put(image, tag);
    t.is(refused.status, 403);
    t.is(refused.code, 'DENIED');
    t.regex(
      refused.text,
      /the rule of com\.example refuses this tag: com\.example\.app:1\.0 is not trusted: it is signed by Alice only, but must be by 2 of alice, bob for com\.example\.\*\. Push the image by its digest, have it signed/,
    );
    t.is((await first.client.send('HEAD', `/v2/${repository}/manifests/${digest}`)).status, 404);
    t.is((await second.put(image, digest)).status, 201, 'by digest everything is taken');
    t.is((await second.put(image, `${digest}?tag=1.0`)).status, 403, 'tags beside a digest are tags');
    await pushSignatures(second.place, bob, image.manifest.descriptor, { repository, tag });
    t.is((await second.put(image, tag)).status, 201);
    t.is((await first.client.send('HEAD', `/v2/${repository}/manifests/${tag}`)).status, 200);
  });
}

for (const [name, open] of databases) {
  test(`${name}: a tag never goes back, also when two processes write it at once, until its rule is removed`, async (t) => {
    const { database, first, second } = await start(t, open, oneOf);
    const images = await Promise.all(
      [1, 2, 3, 4].map((sequence) => prepare(first, `number ${sequence}`, [[alice, { sequence }]])),
    );
    const newest = images[3] as TestImage;
    const oldest = images[0] as TestImage;
    const answers = await Promise.all(
      [...images, ...images].map((image, index) => (index % 2 === 0 ? first : second).put(image, tag)),
    );
    t.true(answers.every(({ status }) => [201, 403].includes(status)));
    const current = async () =>
      (await first.client.send('HEAD', `/v2/${repository}/manifests/${tag}`)).headers[
        'docker-content-digest'
      ];
    t.is(await current(), newest.manifest.descriptor.digest);
    t.regex(
      (await second.put(oldest, tag)).text,
      /it is number 1, and number 4 .* was accepted before.* Have the image signed anew/,
    );
    await database.transaction((writer) => deleteRule(writer, parseRepositoryName('com.example')));
    await setRule(database, oneOf);
    t.is((await second.put(oldest, tag)).status, 201);
  });
}

const [[, openSqlite]] = databases as [(typeof databases)[number]];

test('what admits a tag is attached to the image, signed by the registry, once', async (t) => {
  const { database, first, second } = await start(t, openSqlite, twoOf);
  const image = await prepare(first, 'one', [
    [alice, {}],
    [bob, {}],
  ]);
  for (const side of [first, second, first]) t.is((await side.put(image, tag)).status, 201);
  const [summary, ...others] = await summariesOf(first, image);
  t.deepEqual(others, []);
  const { envelope } = parseBundle(summary as Uint8Array);
  const { payload, payloadType, signature } = envelope;
  t.deepEqual(parseAttestation(payload).digests, [image.manifest.descriptor.digest]);
  const { publicKey } = await shareRegistryKey(database, 1);
  t.true(publicKey.verify(preAuthEncoding(payloadType, payload), signature));
  const { predicate } = JSON.parse(Buffer.from(payload).toString());
  t.like(predicate, {
    verificationResult: 'PASSED',
    timeVerified: '2026-11-25T00:00:00Z',
    resourceUri: `pkg:oci/com.example.app@${encodeURIComponent(image.manifest.descriptor.digest)}?tag=1.0`,
  });
  t.is(predicate.policy.annotations.rule, '2 of alice, bob for com.example.*');
  t.is(predicate.inputAttestations.length, 2);
  await setRule(database, oneOf);
  t.is((await first.put(image, tag)).status, 201);
  t.is((await summariesOf(first, image)).length, 2, 'another rule is another decision');
});

const refusals: readonly [
  reason: string,
  document: TrustDocument,
  signers: readonly (readonly [ReturnType<typeof testKey>, Partial<Claim>])[],
  message: RegExp,
][] = [
  ['nobody signed it', oneOf, [], /it has no signature; required: 1 of alice, bob for com\.example\.\*/],
  ['somebody else signed it', oneOf, [[carol, {}]], /Carol is not in the rule for com\.example\.\*/],
  [
    'signed as another tag',
    oneOf,
    [[alice, { tag: parseTag('2.0') }]],
    /Alice signed it as tag 2\.0, not 1\.0/,
  ],
  ['signed without a tag', oneOf, [[alice, { tag: undefined, sequence: undefined }]], /without naming a tag/],
  [
    'signed as another repository',
    oneOf,
    [[alice, { repository: parseRepositoryName('com.example.apps') }]],
    /Alice signed it as com\.example\.apps/,
  ],
  ['expired', oneOf, [[alice, { expires: parseUnixTime('2026-11-24T00:00:00Z') }]], /signature expired at/],
  [
    'the key is revoked',
    { ...oneOf, revoked: [alice.publicKey.fingerprint] },
    [[alice, {}]],
    /key is revoked by the rule of com\.example/,
  ],
  [
    'a tag mover is asked for',
    testDocument({ ...testRule('com.example.', 1, ['alice']), movers: testRule('x', 1, ['bob']).of }),
    [[alice, {}]],
    /nobody of bob has said that tag 1\.0 means it/,
  ],
  [
    'nobody attested how it was built',
    testDocument({ ...testRule('com.example.', 1, ['alice']), builders: testRule('x', 1, ['bob']).of }),
    [[alice, {}]],
    /nobody of bob has attested its provenance.*attest what is missing/,
  ],
  ['the name is closed', testDocument(testRule('com.example.', 1, [])), [[alice, {}]], /lists nobody/],
];

test('a refusal names what is unmet, and what to do next', async (t) => {
  const { database, first } = await start(t, openSqlite, oneOf);
  for (const [reason, document, signers, message] of refusals) {
    await setRule(database, document);
    const image = await prepare(first, reason, signers);
    const { status, text } = await first.put(image, tag);
    t.is(status, 403, reason);
    t.regex(text, message, reason);
  }
  const image = await prepare(first, 'denied', [[alice, {}]]);
  await setRule(database, { ...oneOf, denied: [image.manifest.descriptor.digest] });
  t.regex((await first.put(image, tag)).text, /is denied by the rule of com\.example.*Push another image/);
});

test('what is attached and is not what it says refuses the tag, and is no fault of the registry', async (t) => {
  const { first } = await start(t, openSqlite, oneOf);
  const image = await prepare(first, 'one', [[alice, {}]]);
  const bundle = contentOf('longer than it says', bundleMediaType);
  const lies = testReferrer(image.manifest.descriptor, {
    ...bundle,
    descriptor: { ...bundle.descriptor, size: 3 },
  });
  // A manifest may come before what it points at.
  await first.place.putManifest(lies);
  await first.place.putBlob({ descriptor: bundle.descriptor }, opened(bundle.bytes));
  const { status, text } = await first.put(image, tag);
  t.is(status, 403);
  t.regex(text, /what is attached to sha256:\w+ can't be read, so no rule can be met: /);
});

test('builders and tag movers that have done their part are enough', async (t) => {
  const { first } = await start(
    t,
    openSqlite,
    testDocument({
      ...testRule('com.example.', 1, ['alice']),
      movers: testRule('x', 1, ['bob']).of,
      builders: testRule('x', 1, ['carol']).of,
    }),
  );
  const image = await prepare(first, 'one', [
    [alice, { tag: undefined, sequence: undefined }],
    [bob, {}],
  ]);
  const attested = await signAttestation(carol, {
    subject: image.manifest.descriptor,
    name: repository,
    predicateType: provenanceType,
    predicate: Buffer.from('{"buildDefinition":{}}'),
    created: parseUnixTime('2026-11-22T00:00:00Z'),
  });
  await pushSigned(first.place, attested);
  t.is((await first.put(image, tag)).status, 201);
});

test('a rule that requires a log admits what is proven to be in it, and nothing else', async (t) => {
  const log = new TestLog();
  const rule = { ...testRule('com.example.', 1, ['alice']), log: log.key.name };
  const logs = [{ key: log.key, witnesses: [], requireWitnesses: 0 }];
  const { first } = await start(t, openSqlite, { ...testDocument(rule), logs });
  const image = await prepare(first, 'one', [[alice, {}]]);
  const { digest } = image.manifest.descriptor;
  const unproven = await first.put(image, tag);
  t.is(unproven.status, 403);
  t.regex(
    unproven.text,
    /Alice signed it, but it has no proof that it is in the log log\.example\/com\.example/,
  );
  const [attached] = await attachedBundles(first.place, digest);
  if (attached === undefined) return t.fail('the signature is gone');
  const { manifest, bytes } = attached;
  const prove = async (index: number) => {
    await first.place.putManifest(withProof(manifest, await log.prove(index)));
    return (await first.put(image, tag)).status;
  };
  log.append(Buffer.from('something else'));
  t.is(await prove(0), 403, 'the proof of another entry');
  t.is(await prove(log.append(bytes)), 201);
});

test('what a process that dies while it admits a tag has stored is cleaned up, and the tag can be written again', async (t) => {
  const database = await openMigrated(t, openSqlite);
  const blobs = new MemoryBlobStore();
  // Not what the registry notes of its metadata, whose names have an ending.
  const stored = async () =>
    (await Array.fromAsync(blobs.list(), ({ key }) => key)).filter((key) => !key.includes('.')).length;
  let isDying = true;
  const dying = dyingDatabase(database, (sql) => isDying && sql.includes('INTO admissions'));
  const { running, client } = await startTestRegistry(t, { database: dying, blobs });
  const remote = new RegistryClient(running.host, {
    credentials: async () => ({ kind: 'password', username: admin.name, password: admin.password }),
  });
  t.teardown(() => remote.close());
  const place = remote.repository(repository, 'push');
  const { manifest, config, layers } = testImage(['one']);
  for (const { descriptor, bytes } of [config, ...layers]) await place.putBlob({ descriptor }, opened(bytes));
  await place.putManifest(manifest);
  await pushSignatures(place, alice, manifest.descriptor, {
    repository,
    tag,
    issued: unixTime(1_700_000_000),
  });
  await setRule(database, oneOf);
  const before = await stored();
  const put = async () => {
    const headers = { 'content-type': manifest.descriptor.mediaType };
    const path = `/v2/${repository}/manifests/${tag}`;
    return (await client.send('PUT', path, { body: manifest.bytes, headers })).status;
  };
  t.is(await put(), 500);
  t.true((await stored()) > before, 'the blob of the summary');
  t.is((await client.send('HEAD', `/v2/${repository}/manifests/${tag}`)).status, 404);
  // A week, after which nothing keeps what nobody needs.
  await sweepOnce(database, blobs, 24 * 7);
  t.is(await stored(), before);
  isDying = false;
  t.is(await put(), 201);
  t.is((await client.send('HEAD', `/v2/${repository}/manifests/${tag}`)).status, 200);
});

/** A database in whose transactions a statement fails, so that nothing of them happens. */
function dyingDatabase(database: Database, isFatal: (sql: string) => boolean): Database {
  const transaction: Database['transaction'] = (work, options) =>
    database.transaction((writer) => {
      const run: Writer['run'] = async (sql, ...values) => {
        if (isFatal(sql)) throw new Error('the process ends here');
        return writer.run(sql, ...values);
      };
      const { dialect } = writer;
      return work({ dialect, run, all: writer.all.bind(writer), get: writer.get.bind(writer) });
    }, options);
  return new Proxy(database, {
    get: (target, name) => {
      const value: unknown = name === 'transaction' ? transaction : Reflect.get(target, name, target);
      return typeof value === 'function' && name !== 'transaction' ? value.bind(target) : value;
    },
  });
}

test('names beside the rule are free, and so is what the document has no rule for', async (t) => {
  const { database, first } = await start(t, openSqlite, oneOf);
  const image = testImage(['one']);
  const put = async (name: string) => {
    const answer = await first.client.send('PUT', `/v2/${name}/manifests/1.0`, {
      body: image.manifest.bytes,
      headers: { 'content-type': image.manifest.descriptor.mediaType },
    });
    return answer.status;
  };
  t.deepEqual(
    [await put('com.examples'), await put('com.example.app'), await put('com.example/app')],
    [201, 403, 201],
    'on label boundaries, and as far as com.example. goes',
  );
  await setRule(database, testDocument(testRule('com.example.prod.', 1, ['alice'])));
  t.deepEqual([await put('com.example.app'), await put('com.example.prod.app')], [201, 403]);
});
