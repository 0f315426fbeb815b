import { parseIdentityId, parseIdentityName } from '@img/sign/identity';
import { generatePrivateKey, type PrivateKey } from '@img/sign/private-key';
import { signedEvidence } from '@img/sign/testing/test-evidence';
import type { TrustDocument } from '@img/sign/trust-document';
import { mergeTrustDocuments } from '@img/sign/trust-policy';
import { unixTime } from '@img/sign/unix-time';
import { parseNamePrefix } from '@img/spec/name-prefix';
import { parseRepositoryName } from '@img/spec/repository-name';
import { parseTag } from '@img/spec/tag';
import type { ExecutionContext } from 'ava';
import { organisation, type Stage, startStage } from '../../accounts/testing/stage.ts';
import { RegistryClient } from '../../client/registry-client.ts';
import { opened, type TestImage, testImage } from '../../testing/content.ts';
import { pushSignatures } from '../../testing/push-signatures.ts';

export const repository = parseRepositoryName('com.example.app');
export const openRepository = parseRepositoryName('com.example.open');

const alice = generatePrivateKey();

/** Lets Alice sign com.example.*: the keyring of the registry, and a rule for whoever sets it. */
export const aliceDocument: TrustDocument = {
  identities: [
    { id: parseIdentityId('alice'), name: parseIdentityName('Alice Example'), keys: [alice.publicKey] },
  ],
  rules: [{ prefix: parseNamePrefix('com.example.'), require: 1, of: [parseIdentityId('alice')] }],
};

const trust = mergeTrustDocuments([{ source: 'keyring.json', document: aliceDocument }]);

/**
 * A registry with com.example.app, private, whose 1.0 Alice signed and whose 2.0-rc nobody, and com.example.open, public and unsigned; Alice
 * is in the registry's keyring.
 */
export async function startShopWindow(t: ExecutionContext): Promise<Stage & { readonly image: TestImage }> {
  const stage = await startStage(t, { trust });
  await using client = new RegistryClient(stage.running.host, {
    credentials: async () => ({ kind: 'password', username: 'admin', password: 'correct horse' }),
  });
  const image = testImage(['the only layer']);
  for (const name of [repository, openRepository]) {
    const place = client.repository(name, 'push');
    for (const { descriptor, bytes } of [image.config, ...image.layers]) {
      await place.putBlob({ descriptor }, opened(bytes));
    }
    for (const tag of ['1.0', '2.0-rc']) await place.putManifest(image.manifest, { tag: parseTag(tag) });
  }
  await pushSignatures(client.repository(repository, 'push'), alice, image.manifest.descriptor, {
    registry: stage.running.host,
    repository,
    tag: parseTag('1.0'),
    issued: unixTime(1_700_000_000),
  });
  return { ...stage, image };
}

/** Makes a log for com.example, in which Alice has signed com.example.app:1.0 so many times, and then somebody else. */
export async function openLog(stage: Stage, times: number): Promise<void> {
  const owner = stage.as('owner');
  const headers = { 'content-type': 'application/json' };
  await owner.send('PUT', `/log?name=${organisation}`, { body: '{}', headers });
  const signers = [...Array<PrivateKey>(times).fill(alice), generatePrivateKey()];
  for (const [at, signer] of signers.entries()) {
    const claim = { repository, tag: parseTag('1.0'), sequence: at + 1 };
    const { bundles } = await signedEvidence(signer, claim);
    for (const body of bundles) await owner.send('POST', `/log/${organisation}/entries`, { body });
  }
}
