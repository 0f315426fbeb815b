import { generateKeyPairSync } from 'node:crypto';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import { decodeProtectedHeader, SignJWT } from 'jose';
import { ServerError } from '../server-error.ts';
import { parseScopes } from './scope.ts';
import { accessTokenSeconds, refreshTokenSeconds, TokenIssuer } from './token-issuer.ts';
import { loadTokenKey, type TokenKey } from './token-key.ts';

const grants = parseScopes(['repository:a:pull,push', 'registry:catalog:*']);

test('a token says what it was issued with, until it expires', async (t) => {
  let now = 1_700_000_000_500;
  const issuer = new TokenIssuer({ key: newKey(), service: 'r', clock: () => now });
  const { token, issuedAt } = await issuer.issueAccess('alice', grants);
  t.is(issuedAt.getTime(), now);
  t.is(decodeProtectedHeader(token).alg, 'EdDSA');
  const expiresAt = 1_700_000_000_000 + accessTokenSeconds * 1000;
  t.deepEqual(await issuer.readAccess(token), { subject: 'alice', grants, expiresAt });
  now = expiresAt;
  t.is(await issuer.readAccess(token), undefined);
});

test('a token of nobody is a token', async (t) => {
  const issuer = new TokenIssuer({ key: newKey(), service: 'r', clock: Date.now });
  const { token } = await issuer.issueAccess('', []);
  t.like(await issuer.readAccess(token), { subject: '', grants: [] });
});

test('a token of somebody else is none', async (t) => {
  const key = newKey();
  const issuer = new TokenIssuer({ key, service: 'r', clock: Date.now });
  const otherKey = new TokenIssuer({ key: newKey(), service: 'r', clock: Date.now });
  const otherService = new TokenIssuer({ key, service: 's', clock: Date.now });
  const { token } = await issuer.issueAccess('alice', grants);
  const [header, payload, signature] = token.split('.') as [string, string, string];
  const sign = (alg: string, claims = {}) => {
    return new SignJWT({ access: [], ...claims }).setProtectedHeader({ alg, typ: 'at+jwt' });
  };
  const forged = [
    [(await otherKey.issueAccess('alice', grants)).token, 'another key'],
    [(await otherService.issueAccess('alice', grants)).token, 'another registry'],
    [await issuer.issueRefresh('alice', 'hash'), 'a refresh token'],
    [`${header}.${payload}.`, 'no signature'],
    [`${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${payload}.`, 'alg none'],
    [`${header}.${Buffer.from('{}').toString('base64url')}.${signature}`, 'another payload'],
    [
      await sign('EdDSA').setIssuer('r').setAudience('r').setSubject('a').sign(key.privateKey),
      'never expires',
    ],
    [
      await sign('EdDSA').setIssuer('r').setAudience('r').setExpirationTime('1h').sign(key.privateKey),
      'of no one',
    ],
    [
      await sign('HS256').sign(key.publicKey.export({ type: 'spki', format: 'der' })),
      'signed with the public key',
    ],
    ['', 'nothing'],
    ['a.b.c', 'no JSON'],
    ['x'.repeat(10_000), 'long'],
  ] as const;
  for (const [text, reason] of forged) t.is(await issuer.readAccess(text), undefined, reason);
});

test('a refresh token stands for the password until that changes, and is no access token', async (t) => {
  let now = 1_700_000_000_000;
  const issuer = new TokenIssuer({ key: newKey(), service: 'r', clock: () => now });
  const token = await issuer.issueRefresh('alice', 'hash');
  const read = await issuer.readRefresh(token);
  t.is(read?.subject, 'alice');
  t.true(read?.isFor('hash'));
  t.false(read?.isFor('new hash'));
  t.is(await issuer.readRefresh((await issuer.issueAccess('alice', grants)).token), undefined);
  now += refreshTokenSeconds * 1000;
  t.is(await issuer.readRefresh(token), undefined);
});

test('loadTokenKey() makes a key that only its owner may read, and finds it again', async (t) => {
  const path = join(temporaryFolder(t), 'key.pem');
  const first = await loadTokenKey(path);
  t.is((await stat(path)).mode & 0o777, 0o600);
  const second = await loadTokenKey(path);
  t.true(first.publicKey.equals(second.publicKey));
});

test('loadTokenKey() by several processes at once gives all the same key', async (t) => {
  const path = join(temporaryFolder(t), 'key.pem');
  const keys = await Promise.all(Array.from({ length: 8 }, () => loadTokenKey(path)));
  for (const key of keys) t.true(key.publicKey.equals((keys[0] as TokenKey).publicKey));
});

test('loadTokenKey() refuses a key that others may read, and a file that is none', async (t) => {
  const path = join(temporaryFolder(t), 'key.pem');
  const code = async () => (await t.throwsAsync(loadTokenKey(path), { instanceOf: ServerError }))?.code;
  await loadTokenKey(path);
  await chmod(path, 0o640);
  t.is(await code(), 'KEY_UNUSABLE');
  await chmod(path, 0o600);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  for (const content of ['', 'no key', String(privateKey.export({ type: 'pkcs8', format: 'pem' }))]) {
    await writeFile(path, content);
    t.is(await code(), 'KEY_UNUSABLE');
    t.is((await readFile(path)).toString(), content, 'is left as it was');
  }
});

function newKey(): TokenKey {
  return generateKeyPairSync('ed25519');
}
