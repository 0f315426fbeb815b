import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import test from 'ava';
import { encodePem } from './pem.ts';
import { generatePrivateKey, PrivateKey, parsePrivateKeyPem, privateKeyFromPkcs8 } from './private-key.ts';
import { SignError, type SignErrorCode } from './sign-error.ts';
import { needsTool } from './testing/needs.ts';
import { p256Key, testKey } from './testing/test-keys.ts';

test('generatePrivateKey() makes another Ed25519 key each time, and it signs', async (t) => {
  const [a, b] = [generatePrivateKey(), generatePrivateKey()];
  t.is(a.publicKey.algorithm, 'ed25519');
  t.not(a.publicKey.fingerprint, b.publicKey.fingerprint);
  const message = Buffer.from('message');
  t.true(a.publicKey.verify(message, await a.sign(message)));
  t.false(b.publicKey.verify(message, await a.sign(message)));
});

test('a key survives PKCS#8', (t) => {
  for (const key of [testKey(1), p256Key().key]) {
    t.is(privateKeyFromPkcs8(key.toPkcs8()).publicKey.fingerprint, key.publicKey.fingerprint);
  }
});

test('parsePrivateKeyPem() reads what openssl writes', (t) => {
  if (!needsTool(t, 'openssl')) return;
  const pem = execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519'], { encoding: 'utf8' });
  const spki = execFileSync('openssl', ['pkey', '-pubout'], { input: pem, encoding: 'utf8' });
  t.is(parsePrivateKeyPem(pem).publicKey.toPem(), spki);
});

const pkcs8 = testKey(1).toPkcs8();
const pkcs8Pem = (type: 'x25519' | 'ed448') => {
  const { privateKey } = type === 'x25519' ? generateKeyPairSync('x25519') : generateKeyPairSync('ed448');
  return privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
};

const refused: readonly (readonly [text: string, code: SignErrorCode, reason: string])[] = [
  ['', 'KEY_INVALID', 'nothing'],
  [testKey(1).publicKey.toPem(), 'KEY_INVALID', 'a public key'],
  [encodePem({ label: 'EC PRIVATE KEY', bytes: pkcs8 }), 'KEY_INVALID', 'another label'],
  [encodePem({ label: 'PRIVATE KEY', bytes: pkcs8.subarray(1) }), 'KEY_INVALID', 'cut off'],
  [encodePem({ label: 'PRIVATE KEY', bytes: testKey(1).publicKey.spki() }), 'KEY_INVALID', 'public inside'],
  [pkcs8Pem('x25519'), 'KEY_UNSUPPORTED', 'a key for agreement'],
  [pkcs8Pem('ed448'), 'KEY_UNSUPPORTED', 'Ed448'],
];

test('parsePrivateKeyPem() refuses other keys and texts', (t) => {
  for (const [text, code, reason] of refused) {
    t.throws(() => parsePrivateKeyPem(text), { instanceOf: SignError, code }, reason);
  }
});

test('parsePrivateKeyPem() tells how a key that another program wrote comes here', (t) => {
  const bytes = Buffer.from('secret');
  for (const [label, hint] of [
    ['OPENSSH PRIVATE KEY', /^leave it with OpenSSH: ssh-add FILE/],
    ['ENCRYPTED PRIVATE KEY', /^openssl pkey -in FILE -out PLAIN decrypts it/],
    ['EC PRIVATE KEY', /^openssl pkey -in FILE -out OTHER writes it as PKCS#8/],
    ['RSA PRIVATE KEY', /^keys are read as img key new, cosign and openssl genpkey write them$/],
  ] as const) {
    const error = t.throws(() => parsePrivateKeyPem(encodePem({ label, bytes })), { instanceOf: SignError });
    t.regex(error?.hint ?? '', hint, label);
  }
});

test('PrivateKey does not show its secret when it is printed', (t) => {
  const key = new PrivateKey(generateKeyPairSync('ed25519').privateKey);
  const secret = Buffer.from(key.toPkcs8()).toString('hex').slice(-64);
  t.false(JSON.stringify(key).includes(secret));
});
