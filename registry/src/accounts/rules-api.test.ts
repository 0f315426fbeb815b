import { draftTrustRoot, encodeSignedTrustRoot, signTrustRoot } from '@img/sign/signed-trust-root';
import { testKey } from '@img/sign/testing/test-keys';
import { testDocument, testRule } from '@img/sign/testing/test-policy';
import { encodeTrustDocument, type TrustDocument } from '@img/sign/trust-document';
import { parseUnixTime, type UnixTime } from '@img/sign/unix-time';
import { digestOf } from '@img/spec/digest';
import { parseNamePrefix } from '@img/spec/name-prefix';
import { parseRepositoryName } from '@img/spec/repository-name';
import { parseTag } from '@img/spec/tag';
import test from 'ava';
import { RegistryClient } from '../client/registry-client.ts';
import { opened, testImage } from '../testing/content.ts';
import { pushSignatures } from '../testing/push-signatures.ts';
import { type CastName, organisation, type Stage, startStage } from './testing/stage.ts';

const repository = parseRepositoryName('com.example.app');
const organisationRule = '/api/v1/organisations/com.example/rule';
const repositoryRule = '/api/v1/repositories/com.example.app/rule';
const oneOf = textOf(testDocument(testRule('com.example.', 1, ['alice', 'bob'])));

function textOf(document: TrustDocument): string {
  return Buffer.from(encodeTrustDocument(document)).toString();
}

function put({ as }: Stage, who: CastName, path: string, document: string) {
  return as(who).send('PUT', path, {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ document }),
  });
}

test('an admin of the organisation sets its rule and one of a repository, and everybody concerned sees them', async (t) => {
  const stage = await startStage(t);
  const { as } = stage;
  t.is((await as('reader').send('GET', organisationRule)).status, 404);
  t.is((await put(stage, 'writer', organisationRule, oneOf)).status, 403);
  const answer = await put(stage, 'owner', organisationRule, oneOf);
  const rules = ['1 of alice, bob for com.example.*'];
  t.deepEqual(answer.json, { rules, digest: digestOf(Buffer.from(oneOf)) });
  t.like((await as('reader').send('GET', organisationRule)).json, {
    name: organisation,
    rules,
    document: oneOf,
    setBy: 'owner',
  });
  t.like((await as('reader').send('GET', repositoryRule)).json, { name: organisation });
  const own = textOf(testDocument(testRule('com.example.app', 2, ['alice', 'bob'])));
  t.is((await put(stage, 'owner', repositoryRule, own)).status, 200);
  t.like((await as('reader').send('GET', repositoryRule)).json, { name: repository, document: own });
  t.is((await as('owner').send('DELETE', repositoryRule)).status, 204);
  t.like((await as('reader').send('GET', repositoryRule)).json, { name: organisation });
  t.is((await as('owner').send('DELETE', repositoryRule)).status, 404, 'the one above it stays');
  t.is((await as('owner').send('DELETE', organisationRule)).status, 204);
  t.is((await as('reader').send('GET', repositoryRule)).status, 404);
  t.is((await put(stage, 'administrator', '/api/v1/organisations/org.absent/rule', oneOf)).status, 404);
});

async function rootText(expires: UnixTime, signers: readonly number[]): Promise<string> {
  let root = draftTrustRoot({
    name: parseRepositoryName('com.example'),
    version: 1,
    expires,
    keys: [5, 6].map((n) => testKey(n).publicKey),
    require: 2,
    prefixes: [parseNamePrefix('com.example.')],
    document: testDocument(testRule('com.example.', 2, ['alice', 'bob'])),
  });
  for (const n of signers) root = await signTrustRoot(root, testKey(n));
  return Buffer.from(encodeSignedTrustRoot(root)).toString();
}

const later = parseUnixTime('2999-01-01T00:00:00Z');
const refused: readonly [reason: string, document: string | Promise<string>, message: RegExp][] = [
  ['no JSON', 'hello', /trust document: /],
  ['nothing in it', textOf({ identities: [], rules: [] }), /has no rule, and none for com\.example/],
  [
    'about other names',
    textOf(testDocument(testRule('com.examples.', 1, ['alice']))),
    /has rules for com\.examples\. only, and none for com\.example or names below it/,
  ],
  [
    'somebody unknown',
    oneOf.replace('"id": "alice"', '"id": "alicia"'),
    /names the unknown identity alice; define the identity/,
  ],
  ['a trust root that too few have signed', rootText(later, [5]), /is signed by 1 of the 2 that it requires/],
  [
    'a trust root whose time is over',
    rootText(parseUnixTime('2020-01-01T00:00:00Z'), [5, 6]),
    /has expired, and would refuse every tag/,
  ],
];

test('a rule that could not be met, or is none, is refused with what is wrong', async (t) => {
  const stage = await startStage(t);
  for (const [reason, document, message] of refused) {
    const { status, text } = await put(stage, 'owner', organisationRule, await document);
    t.is(status, 400, reason);
    t.regex(text, message, reason);
  }
  const { status } = await put(stage, 'owner', organisationRule, 'x'.repeat(1024 * 1024 + 1));
  t.is(status, 400, 'too long');
  t.is((await put(stage, 'owner', organisationRule, await rootText(later, [5, 6]))).status, 200);
});

test('the rule of an organisation goes with it, so that nobody is left with one that cannot be changed', async (t) => {
  const stage = await startStage(t);
  t.is((await put(stage, 'owner', organisationRule, oneOf)).status, 200);
  await stage.call('deleteOrganisation', { organisation }, undefined);
  await stage.call('createOrganisation', {}, { name: organisation });
  t.is((await stage.as('administrator').send('GET', organisationRule)).status, 404);
});

test('a rule counts for tags that the API points, and who signed them is shown with it', async (t) => {
  const stage = await startStage(t);
  const { running, call, as } = stage;
  await using client = new RegistryClient(running.host, {
    credentials: async () => ({ kind: 'password', username: 'writer', password: 'long enough' }),
  });
  const place = client.repository(repository, 'push');
  const { manifest, config, layers } = testImage(['one']);
  for (const { descriptor, bytes } of [config, ...layers]) await place.putBlob({ descriptor }, opened(bytes));
  await place.putManifest(manifest);
  const { digest } = manifest.descriptor;
  const signers = async (reference: string) =>
    (await as('reader').send('GET', `/api/v1/repositories/${repository}/signers/${reference}`)).json;
  t.deepEqual(await signers(digest), {
    digest,
    decidedBy: 'nothing',
    isMet: false,
    hasSignatures: false,
    signers: [],
  });
  await call('putOrganisationRule', { organisation }, { document: oneOf });
  const point = () =>
    as('writer').send('PUT', `/api/v1/repositories/${repository}/tags/1.0`, {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ digest }),
    });
  const answer = await point();
  t.is(answer.status, 403);
  t.regex(answer.text, /it has no signature; required: 1 of alice, bob for com\.example\.\*/);
  await pushSignatures(place, testKey(1), manifest.descriptor, { repository, tag: parseTag('1.0') });
  t.is((await point()).status, 204);
  t.like(await signers('1.0'), {
    digest,
    decidedBy: 'rule',
    ruleAt: organisation,
    isMet: true,
    hasSignatures: true,
    required: '1 of alice, bob for com.example.*',
    signers: [{ id: 'alice', name: 'Alice', key: testKey(1).publicKey.fingerprint }],
  });
  t.regex(JSON.stringify(await signers('1.0')), /"admittedAt":"\d{4}-.*"summary":"sha256:/);
  t.is((await as('outsider').send('GET', `/api/v1/repositories/${repository}/signers/1.0`)).status, 403);
  t.is((await as('reader').send('GET', `/api/v1/repositories/${repository}/signers/9.9`)).status, 404);
  const key = (await as('nobody').send('GET', '/api/v1/key')).json as { pem: string; ssh: string };
  t.regex(key.pem, /^-----BEGIN PUBLIC KEY-----/);
  t.regex(key.ssh, /^ssh-ed25519 /);
});
