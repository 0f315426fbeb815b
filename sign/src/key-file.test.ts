import { execFileSync } from 'node:child_process';
import { scryptSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '@img/spec/json';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import test from 'ava';
import fc from 'fast-check';
import { encodeBase64 } from './base64.ts';
import { openKeyFile, sealKeyFile } from './key-file.ts';
import { decodePem, encodePem } from './pem.ts';
import { parsePublicKey } from './public-key.ts';
import { SignError } from './sign-error.ts';
import { compiledByGo, findProgram, needsTool } from './testing/needs.ts';
import { temporaryFolder } from './testing/temporary-folder.ts';
import { testKey } from './testing/test-keys.ts';

// Made for this test by cosign 2.6.4, generate-key-pair, and by cosign 3.1.2, import-key-pair.
const passphrase = 'correct-horse';
const cosignP256 = `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----
eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6
OCwicCI6MX0sInNhbHQiOiI4YWNJTUcram02enh3dmxJbHJuWnRwcWw3ckZkYi92
TnY0bXBKYjFjL1ZFPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94
Iiwibm9uY2UiOiJBT1VZN2JlaEUrVDJ0ZTJRSERxNEZQYmJWTkJiSGhaQiJ9LCJj
aXBoZXJ0ZXh0IjoiL0Y1YlVLeTR2RkE4YzhYTGZPcmR4QXJ4dHBsanN0dGFYSnNZ
Mm03R2l2VWlIS2s5d1pYeVZhcmRhR3JTaVcrL0d1R0tZbkF4eWEwY1ZUSXByUHp5
Q1NQL3R3ZXY0L2FHbGlrZUtjNzR1bFFSL3p0SzJwNklBQkorSXJVcWlUS2g1dXA2
ckFVT1BrYWRJY3RWQ3FKdEpKYTR2VCthUlVHcXAwYitEMmNCeXlxRTYxTFNJbC90
R1ZjTlhXQWNhelNVY3FCaTlNeE5qMkFoUXc9PSJ9
-----END ENCRYPTED SIGSTORE PRIVATE KEY-----
`;
const cosignP256Public = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8edGwJ38TcuyNSGNlx1PaalNSao3
m6cln1qFo1BEgeiAKx05yl1kjHZwQoN1nUuFtk4sCI9EF7nxcjEdfpUXCg==
-----END PUBLIC KEY-----
`;
const cosignEd25519 = `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----
eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6
OCwicCI6MX0sInNhbHQiOiJEUk02UEl5bkcxL1lsN2NDTW5aU2VuSHdaUC9jbnVY
NFh2Z1VObWtWU2g0PSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94
Iiwibm9uY2UiOiI2aDA2Z21paGQ0RlJqbHVTV0lkL0E5bTJYaW9xV3o5LyJ9LCJj
aXBoZXJ0ZXh0IjoiRjhJUzBUdEZoRTdKS2Z3MnVTTmlPaHZYYzQrdDFUMHArUzZN
NDZWQktBM0NPSGlVeVp1UVpiMTQrYUJSd0xJSnlub09RbzFhK3M5bmJ0UWI1bjFO
OFE9PSJ9
-----END ENCRYPTED SIGSTORE PRIVATE KEY-----
`;
const cosignEd25519Public = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEACWj0aB0lWiQJtKRtWURdP9eOCKSQW2WTDc9TNuqXnfM=
-----END PUBLIC KEY-----
`;

test('openKeyFile() opens what cosign wrote', async (t) => {
  for (const [file, publicPem] of [
    [cosignP256, cosignP256Public],
    [cosignEd25519, cosignEd25519Public],
  ] as const) {
    const key = await openKeyFile(file, passphrase);
    t.is(key.publicKey.fingerprint, parsePublicKey(publicPem).fingerprint);
  }
});

test('a P-256 key of cosign is read, but does not sign', async (t) => {
  const key = await openKeyFile(cosignP256, passphrase);
  await t.throwsAsync(key.sign(Buffer.from('message')), { code: 'KEY_UNSUPPORTED' });
});

test('openKeyFile() opens what sealKeyFile() wrote, with any passphrase', async (t) => {
  for (const text of ['', 'with spaces and ünïcödé']) {
    const key = await openKeyFile(await sealKeyFile(testKey(1), text), text);
    t.deepEqual(key.toPkcs8(), testKey(1).toPkcs8());
  }
});

test('sealKeyFile() writes what cosign expects, and another text each time', async (t) => {
  const file = await sealKeyFile(testKey(1), passphrase);
  t.not(file, await sealKeyFile(testKey(1), passphrase));
  const block = decodePem(file);
  t.is(block?.label, 'ENCRYPTED SIGSTORE PRIVATE KEY');
  const json = JSON.parse(Buffer.from(block?.bytes ?? []).toString());
  t.deepEqual(json.kdf.params, { N: 65536, r: 8, p: 1 });
  t.is(Buffer.from(json.kdf.salt, 'base64').byteLength, 32);
  t.is(Buffer.from(json.cipher.nonce, 'base64').byteLength, 24);
  t.is(json.cipher.name, 'nacl/secretbox');
  t.true(file.split('\n').every((line) => line.length <= 64));
});

test('cosign reads the key file that sealKeyFile() wrote', async (t) => {
  const cosign = findProgram('cosign');
  if (!needsTool(t, 'cosign', compiledByGo()) || cosign === undefined) return;
  const file = join(temporaryFolder(t), 'alice.key');
  writeFileSync(file, await sealKeyFile(testKey(1), passphrase));
  const env = { ...process.env, COSIGN_PASSWORD: passphrase };
  const pem = execFileSync(cosign, ['public-key', '--key', file], { env, encoding: 'utf8' });
  t.is(pem, testKey(1).publicKey.toPem());
});

test('openKeyFile() tells a wrong passphrase, and a changed file as the same', async (t) => {
  const wrong = { instanceOf: SignError, code: 'PASSPHRASE_WRONG' };
  await t.throwsAsync(openKeyFile(cosignEd25519, 'incorrect'), wrong);
  await t.throwsAsync(openKeyFile(cosignEd25519, ''), wrong);
  for (const change of [
    { ciphertext: encodeBase64(new Uint8Array(64)) },
    { cipher: { name: 'nacl/secretbox', nonce: encodeBase64(new Uint8Array(24)) } },
  ]) {
    await t.throwsAsync(
      openKeyFile(changed(cosignEd25519, change), passphrase),
      wrong,
      JSON.stringify(change),
    );
  }
});

test('openKeyFile() reads the header of older cosign and all three costs that cosign reads', async (t) => {
  for (const cost of [2 ** 15, 2 ** 16, 2 ** 17]) {
    const file = encodePem({
      label: 'ENCRYPTED COSIGN PRIVATE KEY',
      bytes: sealed(cost, testKey(3).toPkcs8()),
    });
    t.is((await openKeyFile(file, passphrase)).publicKey.fingerprint, testKey(3).publicKey.fingerprint);
  }
});

test('openKeyFile() refuses a key that is no Ed25519 or P-256 key, though the passphrase is right', async (t) => {
  const label = 'ENCRYPTED SIGSTORE PRIVATE KEY';
  const garbage = encodePem({ label, bytes: sealed(2 ** 15, Buffer.from('no key')) });
  await t.throwsAsync(openKeyFile(garbage, passphrase), { instanceOf: SignError, code: 'KEY_INVALID' });
});

const kdf = { name: 'scrypt', params: { N: 65536, r: 8, p: 1 }, salt: encodeBase64(new Uint8Array(32)) };
const params = (value: JsonObject) => ({ kdf: { ...kdf, params: value } });
const refusedChanges: readonly (readonly [change: JsonObject, reason: string])[] = [
  [params({ N: 2 ** 30, r: 8, p: 1 }), 'a terabyte of memory'],
  [params({ N: 2 ** 14, r: 8, p: 1 }), 'too cheap to guess'],
  [params({ N: 65536, r: 2 ** 20, p: 1 }), 'large blocks'],
  [params({ N: 65536, r: 8, p: 2 ** 30 }), 'endless work'],
  [params({ N: 65536, r: 8 }), 'no p'],
  [params({ N: '65536', r: 8, p: 1 }), 'a cost in words'],
  [params({ N: 0, r: 8, p: 1 }), 'no work'],
  [{ kdf: { ...kdf, name: 'argon2' } }, 'another derivation'],
  [{ kdf: { ...kdf, salt: encodeBase64(new Uint8Array(16)) } }, 'a short salt'],
  [{ kdf: { ...kdf, salt: 'not base64' } }, 'a salt that is no base64'],
  [{ kdf: [] }, 'no object'],
  [{ cipher: { name: 'aes', nonce: '' } }, 'another cipher'],
  [{ cipher: { name: 'nacl/secretbox', nonce: encodeBase64(new Uint8Array(12)) } }, 'a short nonce'],
  [{ ciphertext: 5 }, 'no ciphertext'],
];

test('openKeyFile() refuses parameters that cosign would not write, before it does any work', async (t) => {
  for (const [change, reason] of refusedChanges) {
    const error = { instanceOf: SignError, code: 'KEY_FILE_INVALID' };
    await t.throwsAsync(openKeyFile(changed(cosignEd25519, change), passphrase), error, reason);
  }
});

test('openKeyFile() refuses other texts', async (t) => {
  const texts: readonly (readonly [string, string])[] = [
    ['', 'nothing'],
    [encodePem({ label: 'PRIVATE KEY', bytes: testKey(1).toPkcs8() }), 'a key that is not encrypted'],
    [testKey(1).publicKey.toPem(), 'a public key'],
    [cosignEd25519 + cosignEd25519, 'two blocks'],
    [
      encodePem({ label: 'ENCRYPTED SIGSTORE PRIVATE KEY', bytes: Buffer.from('{"a":1,"a":2}') }),
      'a key twice',
    ],
    ['-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n'.padEnd(100_000, 'A'), 'too long'],
  ];
  for (const [text, reason] of texts) {
    const error = await t.throwsAsync(openKeyFile(text, passphrase), { instanceOf: SignError }, reason);
    t.is(error?.code, 'KEY_FILE_INVALID', reason);
    t.false(error?.message.includes(encodeBase64(testKey(1).toPkcs8()).slice(0, 12)), reason);
  }
});

test('openKeyFile() throws nothing but SignError for a file that was changed anywhere', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(cosignEd25519.length - 1),
      fc.string({ minLength: 1, maxLength: 1 }),
      async (at, by) => {
        const text = cosignEd25519.slice(0, at) + by + cosignEd25519.slice(at + 1);
        try {
          await openKeyFile(text, passphrase);
          return true;
        } catch (error) {
          return error instanceof SignError;
        }
      },
    ),
    { numRuns: 20 },
  );
  t.pass();
});

function changed(file: string, change: JsonObject): string {
  const { label, bytes } = decodePem(file) ?? { label: '', bytes: new Uint8Array() };
  const json = { ...JSON.parse(Buffer.from(bytes).toString()), ...change };
  return encodePem({ label, bytes: Buffer.from(JSON.stringify(json)) });
}

function sealed(cost: number, plaintext: Uint8Array): Uint8Array {
  const [salt, nonce] = [Buffer.alloc(32, 1), Buffer.alloc(24, 2)];
  const boxKey = scryptSync(passphrase, salt, 32, { N: cost, r: 8, p: 1, maxmem: 256 * 1024 * 1024 });
  const json = {
    kdf: { ...kdf, params: { N: cost, r: 8, p: 1 }, salt: encodeBase64(salt) },
    cipher: { name: 'nacl/secretbox', nonce: encodeBase64(nonce) },
    ciphertext: encodeBase64(xsalsa20poly1305(boxKey, nonce).encrypt(plaintext)),
  };
  return Buffer.from(JSON.stringify(json));
}
