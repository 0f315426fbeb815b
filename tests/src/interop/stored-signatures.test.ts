import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleFromJSON, type SerializedBundle } from '@sigstore/bundle';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import test from 'ava';
import { done, publish, type Stage } from '../testing/stage.ts';
import { sceneWith } from './outside-tools.ts';
import { administratorOf, readSignatures, type StoredBundle } from './stored-signatures.ts';

test('openssl verifies both encodings of the signatures in a registry, and no changed byte', async (t) => {
  const scene = await sceneWith(t, 'openssl');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  await publish(stage);
  await done(stage.publisher, ['key', 'new', 'bob']);
  const { digest, payloads, bundles } = await readSignatures(administratorOf(t, stage.registry));
  const signed = [
    ...payloads.map(({ bytes, signature }) => ({ bytes, signature })),
    ...bundles.map(({ dsseEnvelope: { payload, payloadType, signatures } }) => {
      const content = Buffer.from(payload, 'base64');
      const signature = Buffer.from(signatures[0]?.sig ?? '', 'base64');
      return { bytes: preAuthEncoding(payloadType, content), signature };
    }),
  ];
  t.is(signed.length, 4, 'two tags in two encodings');
  const verify = async (
    tool: (...args: readonly string[]) => Promise<string>,
    key: string,
    bytes: Uint8Array,
    signature: Uint8Array,
  ) => {
    const [input, signatureFile] = [join(stage.folder, 'input'), join(stage.folder, 'signature')];
    await Promise.all([writeFile(input, bytes), writeFile(signatureFile, signature)]);
    const keys = ['-pubin', '-inkey', publicKeyFile(stage, key)];
    return await tool('pkeyutl', '-verify', ...keys, '-rawin', '-in', input, '-sigfile', signatureFile);
  };
  for (const { bytes, signature } of signed) {
    t.true(bytes.includes(digest.slice('sha256:'.length)));
    t.regex(await verify(tools.openssl.ok, 'alice', bytes, signature), /Verified Successfully/);
    await verify(tools.openssl.refused, 'bob', bytes, signature);
    await verify(tools.openssl.refused, 'alice', flipped(bytes), signature);
    await verify(tools.openssl.refused, 'alice', bytes, flipped(signature));
  }
});

test('@sigstore/verify accepts the bundles in a registry, and no changed byte', async (t) => {
  const scene = await sceneWith(t);
  if (scene === undefined) return;
  const { stage } = scene;
  await publish(stage);
  await done(stage.publisher, ['key', 'new', 'bob']);
  const { digest, bundles } = await readSignatures(administratorOf(t, stage.registry));
  const [alice, bob] = await Promise.all([publicKey(stage, 'alice'), publicKey(stage, 'bob')]);
  t.is(bundles.length, 2);
  const subjects = bundles.flatMap((bundle) => {
    t.notThrows(() => verifyBundle(bundle, alice));
    t.throws(() => verifyBundle(bundle, bob));
    const { dsseEnvelope } = bundle;
    const payload = Buffer.from(dsseEnvelope.payload, 'base64');
    const changed = { ...dsseEnvelope, payload: Buffer.from(flipped(payload)).toString('base64') };
    t.throws(() => verifyBundle({ ...bundle, dsseEnvelope: changed }, alice));
    return (JSON.parse(payload.toString()) as { subject: { name: string }[] }).subject;
  });
  const sha256 = digest.slice('sha256:'.length);
  t.deepEqual(
    subjects.toSorted((one, other) => (one.name < other.name ? -1 : 1)) as unknown,
    ['1.0.0', 'latest'].map((tag) => ({
      name: `${stage.registry}/com.example.app:${tag}`,
      digest: { sha256 },
    })),
  );
});

/** What a signature of a DSSE envelope is over: github.com/secure-systems-lab/dsse, protocol.md. */
function preAuthEncoding(type: string, payload: Uint8Array): Buffer {
  const header = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.byteLength} `;
  return Buffer.concat([Buffer.from(header), payload]);
}

/** A copy in which one bit in the middle is another. */
function flipped(bytes: Uint8Array): Uint8Array {
  const middle = bytes.length >> 1;
  return bytes.with(middle, (bytes[middle] ?? 0) ^ 1);
}

function verifyBundle(bundle: StoredBundle, publicKey: KeyObject): void {
  const none = { mediaType: '', certificateAuthorities: [], ctlogs: [], tlogs: [], timestampAuthorities: [] };
  const material = toTrustMaterial(none, () => ({ publicKey, validFor: () => true }));
  const verifier = new Verifier(material, { ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 0 });
  verifier.verify(toSignedEntity(bundleFromJSON(bundle as unknown as SerializedBundle)));
}

async function publicKey(stage: Stage, name: string): Promise<KeyObject> {
  return createPublicKey(await readFile(publicKeyFile(stage, name), 'utf8'));
}

function publicKeyFile({ folder }: Stage, name: string): string {
  return join(folder, 'config/keys', `${name}.pub`);
}
