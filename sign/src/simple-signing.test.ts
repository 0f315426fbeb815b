import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject, JsonValue } from '@img/spec/json';
import test from 'ava';
import fc from 'fast-check';
import { SignError } from './sign-error.ts';
import { encodeSimpleSigning, parseSimpleSigning } from './simple-signing.ts';
import { needsTool } from './testing/needs.ts';
import { temporaryFolder } from './testing/temporary-folder.ts';
import { testClaim, testDigest, untaggedClaim } from './testing/test-claim.ts';
import { testKey } from './testing/test-keys.ts';

const bytes = (value: JsonValue) => new TextEncoder().encode(JSON.stringify(value));

test('encodeSimpleSigning() writes the bytes that other tools read', (t) => {
  t.is(
    Buffer.from(encodeSimpleSigning(testClaim, testDigest('a'))).toString(),
    `{"critical":{"identity":{"docker-reference":"reg.example:5000/com.example.app:1.0"},` +
      `"image":{"docker-manifest-digest":"sha256:${'a'.repeat(64)}"},"type":"cosign container image signature"},` +
      '"optional":{"creator":"img","timestamp":1795305600,"img.seq":41,"img.expires":1797897600}}',
  );
});

test('parseSimpleSigning() reads back what encodeSimpleSigning() writes', (t) => {
  for (const claim of [testClaim, untaggedClaim, { ...testClaim, expires: undefined }]) {
    const digest = testDigest('a');
    t.deepEqual(parseSimpleSigning(encodeSimpleSigning(claim, digest)), { ...claim, digest });
  }
});

const critical = {
  identity: { 'docker-reference': 'reg.example:5000/com.example.app' },
  image: { 'docker-manifest-digest': testDigest('a') },
  type: 'cosign container image signature',
};

test('parseSimpleSigning() reads what cosign writes: a repository, no tag, no number, no time', (t) => {
  for (const optional of [null, {}, { 'a key': 'of the user', nested: { deep: [1] } }]) {
    const statement = parseSimpleSigning(bytes({ critical, optional }));
    t.is(statement.repository as string, 'com.example.app');
    t.is(statement.tag, undefined);
    t.is(statement.sequence, undefined);
    t.is(statement.issued, undefined);
    t.is(statement.expires, undefined);
  }
  const timed = parseSimpleSigning(bytes({ critical, optional: { creator: 'podman', timestamp: 5 } }));
  t.is(timed.issued as number | undefined, 5);
});

const tagged = { ...critical, identity: { 'docker-reference': 'reg.example:5000/com.example.app:1.0' } };
const refused: readonly (readonly [value: JsonObject, reason: string])[] = [
  [{ optional: {} }, 'nothing critical'],
  [{ critical, optional: {}, more: 1 }, 'an unknown field at the top'],
  [{ critical: { ...critical, more: 1 }, optional: {} }, 'an unknown critical field'],
  [
    { critical: { ...critical, identity: { ...critical.identity, more: 1 } } },
    'an unknown field of the identity',
  ],
  [{ critical: { ...critical, image: { ...critical.image, more: 1 } } }, 'an unknown field of the image'],
  [{ critical: { ...critical, type: 'atomic container signature' } }, 'another type: that of GPG signatures'],
  [{ critical: { ...critical, image: { 'Docker-manifest-digest': testDigest('a') } } }, 'a capital letter'],
  [{ critical: { ...critical, image: { 'docker-manifest-digest': 'sha256:abc' } } }, 'no digest'],
  [{ critical: { ...critical, image: {} } }, 'no digest at all'],
  [{ critical, optional: [] }, 'optional that is no object'],
  [{ critical, optional: { timestamp: '5' } }, 'a time in words'],
  [{ critical, optional: { timestamp: 1_795_305_600_000 } }, 'a time in milliseconds'],
  [{ critical: tagged, optional: { 'img.seq': 0 } }, 'number 0'],
  [{ critical: tagged, optional: { 'img.seq': 2 ** 53 } }, 'a number that is not exact'],
  [{ critical: tagged, optional: { 'img.seq': 1.5 } }, 'a broken number'],
];

test('parseSimpleSigning() is as strict as podman', (t) => {
  for (const [value, reason] of refused) {
    const error = { instanceOf: SignError, code: 'PAYLOAD_INVALID' };
    t.throws(() => parseSimpleSigning(bytes(value)), error, reason);
  }
  const twice = new TextEncoder().encode('{"critical":{},"critical":{}}');
  t.throws(() => parseSimpleSigning(twice), { code: 'PAYLOAD_INVALID' }, 'a key twice');
});

test('parseSimpleSigning() refuses statements that say nothing clear', (t) => {
  for (const [value, reason] of [
    [{ critical, optional: { 'img.seq': 5 } }, 'a number without a tag'],
    [{ critical: { ...critical, identity: { 'docker-reference': 'app' } } }, 'a name without a registry'],
    [{ critical, optional: { timestamp: 10, 'img.expires': 10 } }, 'over before it begins'],
  ] as const) {
    t.throws(() => parseSimpleSigning(bytes(value)), { code: 'STATEMENT_INVALID' }, reason);
  }
});

test('parseSimpleSigning() throws nothing but SignError', (t) => {
  const text = Buffer.from(encodeSimpleSigning(testClaim, testDigest('a'))).toString();
  fc.assert(
    fc.property(fc.nat(text.length), fc.nat(20), fc.string({ maxLength: 5 }), (at, cut, added) => {
      try {
        parseSimpleSigning(new TextEncoder().encode(text.slice(0, at) + added + text.slice(at + cut)));
        return true;
      } catch (error) {
        return error instanceof SignError;
      }
    }),
  );
  t.pass();
});

test('openssl verifies a payload, and no other', async (t) => {
  if (!needsTool(t, 'openssl')) return;
  const key = testKey(1);
  const folder = temporaryFolder(t);
  const [publicKey, payload, signature] = ['key.pub', 'payload', 'signature'].map((name) =>
    join(folder, name),
  );
  const content = encodeSimpleSigning(testClaim, testDigest('a'));
  writeFileSync(publicKey ?? '', key.publicKey.toPem());
  writeFileSync(payload ?? '', content);
  writeFileSync(signature ?? '', await key.sign(content));
  const args = [
    'pkeyutl',
    '-verify',
    '-pubin',
    '-inkey',
    publicKey,
    '-rawin',
    '-in',
    payload,
    '-sigfile',
    signature,
  ];
  t.regex(execFileSync('openssl', args as string[], { encoding: 'utf8' }), /Signature Verified Successfully/);
  writeFileSync(payload ?? '', encodeSimpleSigning(testClaim, testDigest('b')));
  t.not(spawnSync('openssl', args as string[]).status, 0);
});
