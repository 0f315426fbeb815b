import test from 'ava';
import {
  encodeListRequest,
  encodeSignRequest,
  parseListAnswer,
  parseSignAnswer,
} from './ssh-agent-message.ts';
import { encodeSshBlob } from './ssh-key.ts';
import { sshString } from './ssh-wire.ts';
import { testKey } from './testing/test-keys.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytes = (...parts: readonly (Uint8Array | number)[]) =>
  new Uint8Array(Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : part))));
const uint32 = (value: number) => bytes(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);

const { publicKey } = testKey(1);
const point = publicKey.spki().subarray(-32);
const blob = encodeSshBlob({ algorithm: 'ed25519', point });
const rsa = bytes(sshString('ssh-rsa'), sshString(Uint8Array.of(1, 0, 1)), sshString(Uint8Array.of(5)));
const weak = encodeSshBlob({ algorithm: 'ed25519', point: Uint8Array.of(1, ...Buffer.alloc(31)) });
const entry = (key: Uint8Array, comment: string) => bytes(sshString(key), sshString(comment));

test('requests are the bytes that the draft gives', (t) => {
  t.is(hex(encodeListRequest()), '000000010b');
  t.is(
    hex(encodeSignRequest(Uint8Array.of(1, 2), Uint8Array.of(3))),
    '00000010' + '0d' + '000000020102' + '0000000103' + '00000000',
  );
});

test('parseListAnswer() gives every key, also those that are of no use here', (t) => {
  const answer = bytes(12, uint32(3), entry(blob, 'alice@laptop'), entry(rsa, 'old'), entry(weak, ''));
  const keys = parseListAnswer(answer);
  t.deepEqual(
    keys.map(({ type, comment, publicKey: key }) => [type, comment, key?.fingerprint]),
    [
      ['ssh-ed25519', 'alice@laptop', publicKey.fingerprint],
      ['ssh-rsa', 'old', undefined],
      ['ssh-ed25519', '', undefined],
    ],
  );
  t.deepEqual(keys[0]?.blob, blob);
  t.deepEqual(parseListAnswer(bytes(12, uint32(0))), []);
});

test('parseSignAnswer() gives the signature', async (t) => {
  const signature = await testKey(1).sign(Uint8Array.of(7));
  const answer = bytes(14, sshString(bytes(sshString('ssh-ed25519'), sshString(signature))));
  t.deepEqual(parseSignAnswer(answer), signature);
});

const listRefusals: readonly [answer: Uint8Array, code: string, message: RegExp, reason: string][] = [
  [bytes(), 'SSH_INVALID', /ends at byte 0, where a byte should be/, 'nothing'],
  [bytes(5), 'AGENT_REFUSED', /refused to list its keys/, 'a refusal'],
  [bytes(14, uint32(0)), 'SSH_INVALID', /the type 14 where 12 should be/, 'the answer to another request'],
  [bytes(12), 'SSH_INVALID', /where a number should be/, 'no count'],
  [bytes(12, uint32(2), entry(blob, 'a')), 'SSH_INVALID', /ends at byte/, 'fewer keys than counted'],
  [bytes(12, uint32(1), entry(blob, 'a'), 0), 'SSH_INVALID', /1 bytes too many/, 'more than the keys'],
  [bytes(12, uint32(0xffffffff)), 'SSH_INVALID', /lists 4294967295 keys, more than/, 'endless keys'],
  [bytes(12, uint32(1), uint32(0xffffffff)), 'SSH_INVALID', /4294967295 bytes should be/, 'an endless key'],
  [bytes(12, uint32(1), entry(bytes(), 'a')), 'SSH_INVALID', /^key in the answer/, 'a key without a type'],
];

for (const [answer, code, message, reason] of listRefusals) {
  test(`parseListAnswer() refuses ${reason}`, (t) => {
    t.throws(() => parseListAnswer(answer), { code, message });
  });
}

const other = bytes(sshString('ssh-rsa'), sshString(Buffer.alloc(64)));
const long = bytes(sshString('ssh-ed25519'), sshString(Buffer.alloc(64)), 1);
const signRefusals: readonly [answer: Uint8Array, code: string, message: RegExp, reason: string][] = [
  [bytes(5), 'AGENT_REFUSED', /refused to sign/, 'a refusal'],
  [bytes(14), 'SSH_INVALID', /where a number should be/, 'nothing'],
  [bytes(14, sshString(other)), 'SSH_INVALID', /of the kind "ssh-rsa", not ssh-ed25519/, 'another kind'],
  [bytes(14, sshString(long)), 'SSH_INVALID', /1 bytes too many/, 'something after the signature'],
  [bytes(14, sshString(bytes()), 0), 'SSH_INVALID', /1 bytes too many/, 'something after the answer'],
];

for (const [answer, code, message, reason] of signRefusals) {
  test(`parseSignAnswer() refuses ${reason}`, (t) => {
    t.throws(() => parseSignAnswer(answer), { code, message });
  });
}
