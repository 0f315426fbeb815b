import { parseImageManifest } from '@img/spec/manifest';
import test from 'ava';
import { encodeBase64 } from './base64.ts';
import { parseBundle } from './bundle.ts';
import { preAuthEncoding } from './dsse.ts';
import { SignError } from './sign-error.ts';
import { signImages } from './sign-image.ts';
import { signatureLayers } from './signature-manifest.ts';
import { armorSshSignature, isSshSignature, signSsh, sshSignatureAnnotation } from './ssh-signature.ts';
import { testClaim, testImage } from './testing/test-claim.ts';
import { p256Key, testKey } from './testing/test-keys.ts';

const alice = testKey(1);
const message = Buffer.from('com.example.app:1.0 is good\n');

// OpenSSH 9.2: ssh-keygen -Y sign -n img, with the same key.
const written = `-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgiojj3XQJ8ZX9UtstPLpdcspnCb
8dlBIb83SIAbQPb1wAAAADaW1nAAAAAAAAAAZzaGE1MTIAAABTAAAAC3NzaC1lZDI1NTE5
AAAAQPHPK1x0xlbRggbQWl9+Sbsd85TcOxQ+YSs9FPSXyuctbOOwazv/mncnyB3duDPann
+GVDkmyeloAM68KlRAiwg=
-----END SSH SIGNATURE-----
`;

test('signSsh() writes what ssh-keygen writes', async (t) => {
  t.is(armorSshSignature(await signSsh(alice, message)), written);
});

test('isSshSignature() takes the signature of these bytes by this key, and no changed bit', async (t) => {
  const text = await signSsh(alice, message);
  t.true(isSshSignature(text, alice.publicKey, message));
  t.false(isSshSignature(text, testKey(2).publicKey, message), 'another key');
  t.false(isSshSignature(text, alice.publicKey, message.subarray(1)), 'other bytes');
  const blob = Buffer.from(text, 'base64');
  for (const at of blob.keys()) {
    const changed = encodeBase64(blob.with(at, (blob[at] ?? 0) ^ 1));
    t.false(isSshSignature(changed, alice.publicKey, message), `byte ${at}`);
  }
});

const refused: readonly [text: string, reason: string][] = [
  ['', 'nothing'],
  ['img', 'no base64'],
  [encodeBase64(Buffer.alloc(64)), 'as short as the signature in it'],
  [
    encodeBase64(Buffer.from(written.replace(/-----[^-]+-----|\s/g, ''), 'base64').subarray(0, -1)),
    'cut off',
  ],
  [written, 'with armor, which annotations have not'],
];

for (const [text, reason] of refused) {
  test(`isSshSignature() refuses a text that is ${reason}`, (t) => {
    t.false(isSshSignature(text, alice.publicKey, message));
  });
}

test('isSshSignature() knows signatures of Ed25519 keys only, which are all that sign here', async (t) => {
  t.false(isSshSignature(await signSsh(alice, message), p256Key().key.publicKey, message));
});

test('signSsh() refuses a signer whose signature does not verify', async (t) => {
  const faulty = { publicKey: alice.publicKey, sign: async () => new Uint8Array(64) };
  await t.throwsAsync(signSsh(faulty, message), { instanceOf: SignError, code: 'SIGNER_FAULTY' });
});

test('signImages() puts a signature for ssh-keygen beside both encodings, over the same bytes', async (t) => {
  const image = { descriptor: testImage('a'), existingSignatures: undefined };
  const { blobs, manifests } = await signImages(alice, testClaim, [image]);
  const bytesOf = (digest: string | undefined) =>
    blobs.find(({ descriptor }) => descriptor.digest === digest)?.bytes ?? new Uint8Array();
  const [simple, referrer] = manifests.map(({ bytes }) => parseImageManifest(bytes));
  const [layer] = simple === undefined ? [] : signatureLayers(simple);
  t.true(isSshSignature(layer?.sshSignature ?? '', alice.publicKey, bytesOf(layer?.payload.digest)));
  const { envelope } = parseBundle(bytesOf(referrer?.layers[0]?.digest));
  const signedBytes = preAuthEncoding(envelope.payloadType, envelope.payload);
  const text = referrer?.annotations[sshSignatureAnnotation] ?? '';
  t.true(isSshSignature(text, alice.publicKey, signedBytes));
  t.true(text.length < 300, 'lists of referrers repeat it');
});
