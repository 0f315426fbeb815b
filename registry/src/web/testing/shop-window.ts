import { parseIdentityId, parseIdentityName } from '@img/sign/identity';
import { generatePrivateKey } from '@img/sign/private-key';
import type { TrustDocument } from '@img/sign/trust-document';
import { mergeTrustDocuments } from '@img/sign/trust-policy';
import { unixTime } from '@img/sign/unix-time';
import { parseNamePrefix } from '@img/spec/name-prefix';
import { parseRepositoryName } from '@img/spec/repository-name';
import { parseTag } from '@img/spec/tag';
import type { ExecutionContext } from 'ava';
import { type Stage, startStage } from '../../accounts/testing/stage.ts';
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
