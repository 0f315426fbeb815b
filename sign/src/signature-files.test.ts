import { createPublicKey, verify } from 'node:crypto';
import test from 'ava';
import { allowedSigners, signatureFiles } from './signature-files.ts';
import { joined, signedEvidence } from './testing/test-evidence.ts';
import { p256Key, testKey } from './testing/test-keys.ts';
import { testDocument, testRule } from './testing/test-policy.ts';
import { request } from './testing/test-request.ts';
import { mergeTrustDocuments } from './trust-policy.ts';
import { verifyImage } from './verify-image.ts';

const [alice, bob, stranger] = [testKey(1), testKey(2), testKey(9)];
const rule = testRule('com.example.', 1, ['alice', 'bob']);
const line = (id: string, n: number) => `${id} namespaces="img" ${testKey(n).publicKey.toSshLine()}\n`;

test('signatureFiles() gives the bytes that were signed, with the key where it is known', async (t) => {
  const evidence = joined(await signedEvidence(alice), await signedEvidence(stranger));
  const files = signatureFiles(evidence, verifyImage(request({ evidence })));
  t.deepEqual(
    files.map(({ name }) => name),
    ['1-alice-bundle', '2-unknown-bundle', '3-alice-simple-signing', '4-unknown-simple-signing'],
  );
  for (const { name, payload, signature, publicKey, sshSignature } of files) {
    const isKnown = name.includes('alice');
    t.is(publicKey, isKnown ? alice.publicKey.toPem() : undefined, name);
    t.is(sshSignature?.startsWith('-----BEGIN SSH SIGNATURE-----\n') ?? false, isKnown, name);
    const signer = isKnown ? alice : stranger;
    t.true(verify(null, payload, createPublicKey(signer.publicKey.toPem()), signature), name);
  }
});

test('signatureFiles() leaves out what is no signature, and what is not for these bytes', async (t) => {
  const [one, other] = [await signedEvidence(alice), await signedEvidence(bob)];
  const [simple] = one.simpleSignatures;
  const evidence = {
    bundles: [new Uint8Array(), ...one.bundles],
    // That of somebody else, and none at all, as other tools leave it.
    sshSignatures: [undefined, other.sshSignatures?.[0]],
    simpleSignatures: simple === undefined ? [] : [{ ...simple, sshSignature: undefined }],
  };
  const files = signatureFiles(evidence, verifyImage(request({ evidence })));
  t.deepEqual(
    files.map(({ name, sshSignature }) => [name, sshSignature]),
    [
      ['1-alice-bundle', undefined],
      ['2-alice-simple-signing', undefined],
    ],
  );
});

test('allowedSigners() has everybody of the rule, and no key that was taken back for the name', (t) => {
  const { repository } = request({});
  const lines = (document: object, to = rule) => {
    const documents = [{ source: 'test', document: { ...testDocument(rule), ...document } }];
    return allowedSigners(to, mergeTrustDocuments(documents), repository);
  };
  t.is(lines({}), line('alice', 1) + line('bob', 2));
  t.is(lines({ revoked: [alice.publicKey.fingerprint] }), line('bob', 2));
  const two = { ...testDocument().identities[0], keys: [alice.publicKey, p256Key().key.publicKey] };
  const identities = [two, ...testDocument().identities.slice(1)];
  t.regex(lines({ identities }), /^alice .* ssh-ed25519 .*\nalice .* ecdsa-sha2-nistp256 .*\nbob /);
  t.is(allowedSigners(undefined, request({}).policy, repository), '', 'where no rule says who may sign');
});
