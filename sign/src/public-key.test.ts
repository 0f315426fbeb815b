import { execFileSync } from 'node:child_process';
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashes, verify as nobleVerify, Point } from '@noble/ed25519';
import test from 'ava';
import fc from 'fast-check';
import { encodeBase64 } from './base64.ts';
import { encodePem } from './pem.ts';
import { PublicKey, parsePublicKey, publicKeyFromSpki } from './public-key.ts';
import { SignError, type SignErrorCode } from './sign-error.ts';
import { encodeSpki } from './spki.ts';
import { needsTool } from './testing/needs.ts';
import { temporaryFolder } from './testing/temporary-folder.ts';
import { keyFromSeed, p256Key, testKey } from './testing/test-keys.ts';

const sha512 = (bytes: Uint8Array) => new Uint8Array(createHash('sha512').update(bytes).digest());
hashes.sha512 = sha512;

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const raw = (point: Uint8Array) => ({ algorithm: 'ed25519', point }) as const;
const pointOf = (key: PublicKey) => key.spki().subarray(12);

// RFC 8032 section 7.1: TEST 1, 2, 3 and SHA(abc).
const rfc8032: readonly { seed: string; point: string; message: string; signature: string }[] = [
  {
    seed: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    point: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    message: '',
    signature:
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  },
  {
    seed: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    point: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    message: '72',
    signature:
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  },
  {
    seed: 'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    point: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    message: 'af82',
    signature:
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  },
  {
    seed: '833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42',
    point: 'ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf',
    message:
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    signature:
      'dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704',
  },
];

test('keys and signatures are those of RFC 8032', async (t) => {
  for (const { seed, point, message, signature } of rfc8032) {
    const key = keyFromSeed(hex(seed));
    t.is(Buffer.from(pointOf(key.publicKey)).toString('hex'), point);
    t.deepEqual(await key.sign(hex(message)), hex(signature));
    t.true(key.publicKey.verify(hex(message), hex(signature)));
    t.true(new PublicKey(raw(hex(point))).verify(hex(message), hex(signature)));
  }
});

// The points of order 8, in the only canonical encoding, are the multiples of one of them.
const torsionPoint = Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a');
const torsion = [...Array(8).keys()].map((n) => torsionPoint.multiply(BigInt(n), false));
const weakPoints: readonly (readonly [point: Uint8Array, reason: string])[] = [
  ...torsion.map((point, n) => [point.toBytes(), `small order: ${n} times a point of order 8`] as const),
  [hex(`ed${'ff'.repeat(30)}7f`), 'not canonical: y is p, which is 0'],
  [hex(`ee${'ff'.repeat(30)}7f`), 'not canonical: y is p + 1, the neutral element'],
  [hex(`01${'00'.repeat(30)}80`), 'not canonical: x is 0 with the sign bit set'],
  [hex(`ee${'ff'.repeat(30)}ff`), 'not canonical: both'],
  [hex(`ff${'ff'.repeat(30)}7f`), 'not canonical: the largest y'],
  [hex(`02${'00'.repeat(31)}`), 'no point of the curve has this y'],
  [
    Point.fromBytes(pointOf(testKey(1).publicKey))
      .add(torsionPoint)
      .toBytes(),
    'a good point plus one of order 8: verifiers disagree about its signatures',
  ],
];

test('PublicKey refuses points with which others could sign or verifiers disagree', (t) => {
  for (const [point, reason] of weakPoints) {
    t.throws(() => new PublicKey(raw(point)), { instanceOf: SignError, code: 'KEY_WEAK' }, reason);
    const pem = encodePem({ label: 'PUBLIC KEY', bytes: encodeSpki(raw(point)) });
    t.throws(() => parsePublicKey(pem), { code: 'KEY_WEAK' }, reason);
  }
});

test('neither node:crypto nor noble verifies anything with a point of small order, if one came by another way', (t) => {
  for (const [point, reason] of weakPoints.filter(([, text]) => text.startsWith('small order'))) {
    const key = createPublicKey({ key: Buffer.from(encodeSpki(raw(point))), format: 'der', type: 'spki' });
    // With S = 0 the equation is R = -kA, which holds for one of eight messages whoever signed.
    const forged = torsion.map((r) => new Uint8Array(Buffer.concat([r.toBytes(), Buffer.alloc(32)])));
    for (const signature of forged) {
      for (const message of Array.from({ length: 16 }, (_, n) => Uint8Array.of(n))) {
        t.false(verify(null, message, key, signature), reason);
        t.false(nobleVerify(signature, message, point, { zip215: false }), reason);
      }
    }
  }
});

test('PublicKey refuses P-256 points that are not on the curve', (t) => {
  const point = p256Key().key.publicKey.spki().slice(26);
  point[64] = (point[64] ?? 0) ^ 1;
  t.throws(() => new PublicKey({ algorithm: 'ecdsa-p256', point }), { code: 'KEY_WEAK' });
});

test('parsePublicKey() reads back what a key writes, in both forms', (t) => {
  for (const { publicKey } of [testKey(1), p256Key().key]) {
    for (const text of [
      publicKey.toPem(),
      publicKey.toPem().replaceAll('\n', '\r\n'),
      `\n${publicKey.toPem()}\n\n`,
      publicKey.toSshLine(),
      `${publicKey.toSshLine('alice@laptop with a long comment')}\n`,
    ]) {
      const parsed = parsePublicKey(text);
      t.is(parsed.fingerprint, publicKey.fingerprint);
      t.is(parsed.algorithm, publicKey.algorithm);
      t.deepEqual(parsed.spki(), publicKey.spki());
    }
  }
});

test('a key is named as OpenSSH and cosign name it', (t) => {
  const key = parsePublicKey(
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAII0Mq8r6W2bJP1a2vq6koTwXYnU80s01o/sFt8OYV9kv alice',
  );
  t.is(key.fingerprint as string, 'SHA256:rQTIlCDWyuUEgxgpu3Bfze+RVbeR0abgpQM3WATc7cI');
  t.is(key.spkiHash, createHash('sha256').update(key.spki()).digest('base64'));
});

test('ssh-keygen prints our fingerprint and reads our lines', (t) => {
  if (!needsTool(t, 'ssh-keygen')) return;
  for (const { publicKey } of [testKey(2), p256Key().key]) {
    const file = join(temporaryFolder(t), 'key.pub');
    writeFileSync(file, `${publicKey.toSshLine('comment')}\n`);
    const printed = execFileSync('ssh-keygen', ['-l', '-f', file], { encoding: 'utf8' });
    t.is(printed.split(' ')[1], publicKey.fingerprint as string);
  }
});

test('openssl reads our PEM and writes the same', (t) => {
  if (!needsTool(t, 'openssl')) return;
  for (const { publicKey } of [testKey(2), p256Key().key]) {
    const input = publicKey.toPem();
    t.is(execFileSync('openssl', ['pkey', '-pubin', '-pubout'], { input, encoding: 'utf8' }), input);
  }
});

const pemOf = (key: KeyObject) => key.export({ format: 'pem', type: 'spki' }).toString();
const ed25519 = testKey(1).publicKey;
const sshBase64 = ed25519.toSshLine().split(' ')[1] ?? '';
const compressed = Buffer.from(p256Key().key.publicKey.spki().slice(0, 59));
compressed.set([0x39], 1);
compressed.set([0x22], 24);
compressed.set([0x02], 26);

const refusedTexts: readonly (readonly [text: string, code: SignErrorCode, reason: string])[] = [
  ['', 'KEY_INVALID', 'nothing'],
  ['alice', 'KEY_INVALID', 'a name'],
  ['x'.repeat(10_000), 'KEY_INVALID', 'too long'],
  ['ssh-ed25519', 'KEY_INVALID', 'no key after the type'],
  [`ssh-ed25519 ${sshBase64.slice(0, -4)}`, 'KEY_INVALID', 'cut off'],
  [`ssh-ed25519 ${sshBase64}AAAA`, 'KEY_INVALID', 'bytes after the key'],
  [`ssh-ed25519 ${sshBase64.replace(/\w$/, '=')}`, 'KEY_INVALID', 'base64 that no encoder writes'],
  [`ecdsa-sha2-nistp256 ${sshBase64}`, 'KEY_INVALID', 'another type than the one inside'],
  [`${ed25519.toSshLine()}\n${ed25519.toSshLine()}`, 'KEY_INVALID', 'two keys'],
  [`command="x" ${ed25519.toSshLine()}`, 'KEY_INVALID', 'options of an authorized_keys file'],
  ['ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ==', 'KEY_UNSUPPORTED', 'RSA'],
  ['sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5', 'KEY_UNSUPPORTED', 'a security key'],
  [ed25519.toPem().replace('-----END', '----END'), 'KEY_INVALID', 'broken armour'],
  [ed25519.toPem().replace('MCow', 'MC*w'), 'KEY_INVALID', 'no base64'],
  [ed25519.toPem() + ed25519.toPem(), 'KEY_INVALID', 'two blocks'],
  [ed25519.toPem().replace('\n', '\nProc-Type: 4,ENCRYPTED\n'), 'KEY_INVALID', 'headers'],
  [ed25519.toPem().replaceAll('PUBLIC', 'RSA PUBLIC'), 'KEY_INVALID', 'another label'],
  [encodePem({ label: 'PRIVATE KEY', bytes: testKey(1).toPkcs8() }), 'KEY_INVALID', 'a private key'],
  [encodePem({ label: 'PUBLIC KEY', bytes: testKey(1).toPkcs8() }), 'KEY_INVALID', 'a disguised private key'],
  [pemOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey), 'KEY_UNSUPPORTED', 'RSA'],
  [pemOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey), 'KEY_UNSUPPORTED', 'another curve'],
  [pemOf(generateKeyPairSync('ed448').publicKey), 'KEY_UNSUPPORTED', 'Ed448'],
  [pemOf(generateKeyPairSync('x25519').publicKey), 'KEY_UNSUPPORTED', 'a key for agreement, not for signing'],
  [encodePem({ label: 'PUBLIC KEY', bytes: compressed }), 'KEY_UNSUPPORTED', 'a compressed point'],
  [
    encodePem({ label: 'PUBLIC KEY', bytes: Buffer.concat([ed25519.spki(), Buffer.of(0)]) }),
    'KEY_UNSUPPORTED',
    'a byte after the key',
  ],
];

test('parsePublicKey() refuses everything else, each with its code', (t) => {
  for (const [text, code, reason] of refusedTexts) {
    t.throws(() => parsePublicKey(text), { instanceOf: SignError, code }, reason);
  }
});

test('parsePublicKey() tells who hands over a private key to keep it secret, and does not print it', (t) => {
  const pem = encodePem({ label: 'PRIVATE KEY', bytes: testKey(1).toPkcs8() });
  t.regex(t.throws(() => parsePublicKey(pem), { instanceOf: SignError }).hint ?? '', /keep it secret/);
  const secret = encodeBase64(testKey(1).toPkcs8()).slice(-20);
  for (const text of [pem, `${pem} and more`, encodeBase64(testKey(1).toPkcs8()).slice(24)]) {
    t.false(t.throws(() => parsePublicKey(text), { instanceOf: SignError }).message.includes(secret));
  }
});

test('parsePublicKey() throws nothing but SignError', (t) => {
  const texts = fc.oneof(
    fc.string(),
    fc.base64String().map((text) => `ssh-ed25519 ${text}`),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => encodePem({ label: 'PUBLIC KEY', bytes })),
    fc.uint8Array({ minLength: 32, maxLength: 32 }).map((point) => {
      return encodePem({ label: 'PUBLIC KEY', bytes: encodeSpki(raw(point)) });
    }),
  );
  fc.assert(
    fc.property(texts, (text) => {
      try {
        return parsePublicKey(text).algorithm === 'ed25519';
      } catch (error) {
        return error instanceof SignError;
      }
    }),
  );
  t.pass();
});

// What node:crypto and noble must agree on. noble's strict mode uses the cofactored equation, which accepts a
// little more; only the holder of the key can make such signatures, and the next test makes one.
test('verify() agrees with noble on random keys, messages and changed signatures', (t) => {
  const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
  fc.assert(
    fc.property(bytes32, fc.uint8Array({ maxLength: 300 }), fc.nat(), fc.nat(7), (seed, message, at, bit) => {
      const key = keyFromSeed(seed);
      const point = pointOf(key.publicKey);
      const signature = signSync(seed, message);
      const flip = (bytes: Uint8Array) =>
        bytes.with(at % bytes.length, (bytes[at % bytes.length] ?? 0) ^ (1 << bit));
      const cases: readonly (readonly [Uint8Array, Uint8Array])[] = [
        [message, signature],
        [message, flip(signature)],
        [message.length > 0 ? flip(message) : Uint8Array.of(1), signature],
        [message, seed],
        [message, new Uint8Array(64)],
        [message, new Uint8Array(64).fill(255)],
        [message, malleated(signature)],
      ];
      for (const [changed, candidate] of cases) {
        const expected = candidate.length === 64 && nobleVerify(candidate, changed, point, { zip215: false });
        if (key.publicKey.verify(changed, candidate) !== expected) return false;
      }
      return key.publicKey.verify(message, signature);
    }),
    { numRuns: 20 },
  );
  t.pass();
});

test('verify() is stricter than noble where the key holder adds a point of small order to R', (t) => {
  const seed = Buffer.alloc(32, 7);
  const { publicKey } = keyFromSeed(seed);
  const message = Buffer.from('message');
  const signature = signSync(seed, message, torsionPoint);
  t.true(nobleVerify(signature, message, pointOf(publicKey), { zip215: false }));
  t.false(publicKey.verify(message, signature));
});

test('verify() refuses R of small order, which other verifiers accept', (t) => {
  const { publicKey } = testKey(7);
  for (const point of torsion) {
    const signature = new Uint8Array(64);
    signature.set(point.toBytes());
    t.false(publicKey.verify(Buffer.from('message'), signature));
  }
});

test('verify() with P-256 takes ECDSA with SHA-256 in strict DER only', (t) => {
  const { key, sign } = p256Key();
  const message = Buffer.from('message');
  const signature = sign(message);
  t.true(key.publicKey.verify(message, signature));
  t.false(key.publicKey.verify(Buffer.from('massage'), signature));
  const isGood = (bytes: Uint8Array) => key.publicKey.verify(message, bytes);
  t.false(isGood(new Uint8Array()), 'empty');
  t.false(isGood(Buffer.concat([signature, Buffer.of(0)])), 'bytes after the end');
  t.false(isGood(signature.subarray(0, -1)), 'cut off');
  t.false(isGood(new Uint8Array(64)), 'raw r and s instead of DER');
  t.false(isGood(hex('3006020100020100')), 'r and s 0');
});

test('verify() never throws', (t) => {
  const keys = [testKey(1).publicKey, p256Key().key.publicKey];
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array({ maxLength: 100 }), fc.boolean(), (bytes, signature, pad) => {
      const candidate = pad ? Uint8Array.from({ length: 64 }, (_, at) => signature[at] ?? 0) : signature;
      return keys.every((key) => !key.verify(bytes, candidate));
    }),
  );
  t.pass();
});

test('the algorithm comes from the key: a signature by one algorithm is none for the other', async (t) => {
  const message = Buffer.from('message');
  const ecdsa = p256Key();
  const ed = testKey(1);
  t.false(ed.publicKey.verify(message, ecdsa.sign(message)));
  t.false(ecdsa.key.publicKey.verify(message, await ed.sign(message)));
});

test('publicKeyFromSpki() keeps a copy: changing the input later changes nothing', (t) => {
  const der = testKey(1).publicKey.spki();
  const key = publicKeyFromSpki(der);
  der.fill(0);
  t.deepEqual(key.spki(), testKey(1).publicKey.spki());
});

const order = Point.CURVE().n;

const littleEndian = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
const scalarBytes = (scalar: bigint) => hex(scalar.toString(16).padStart(64, '0')).reverse();

// RFC 8032 section 5.1.6, with a point that may be added to R; independent of node:crypto.
function signSync(seed: Uint8Array, message: Uint8Array, addedToR = Point.ZERO): Uint8Array {
  const expanded = sha512(seed);
  const head = expanded.slice(0, 32);
  head[0] = (head[0] ?? 0) & 248;
  head[31] = ((head[31] ?? 0) & 127) | 64;
  const secret = littleEndian(head) % order;
  const nonce = littleEndian(sha512(Buffer.concat([expanded.subarray(32), message]))) % order;
  const r = Point.BASE.multiply(nonce).add(addedToR).toBytes();
  const a = Point.BASE.multiply(secret).toBytes();
  const k = littleEndian(sha512(Buffer.concat([r, a, message]))) % order;
  return new Uint8Array(Buffer.concat([r, scalarBytes((nonce + k * secret) % order)]));
}

// The same signature with S + L: a verifier that doesn't check the range of S accepts it.
function malleated(signature: Uint8Array): Uint8Array {
  const s = littleEndian(signature.subarray(32)) + order;
  return new Uint8Array(Buffer.concat([signature.subarray(0, 32), scalarBytes(s)]));
}
