import test from 'ava';
import { hashPassword, verifyPassword } from './password-hash.ts';

test('verifyPassword() knows the password that was hashed, and no other', async (t) => {
  for (const password of ['correct horse', '', 'ä😀', 'x'.repeat(1000)]) {
    const hash = await hashPassword(password);
    t.regex(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    t.true(await verifyPassword(password, hash));
    t.false(await verifyPassword(`${password}x`, hash));
  }
});

test('hashPassword() never gives the same hash twice', async (t) => {
  t.not(await hashPassword('same'), await hashPassword('same'));
});

const forged = [
  ['', 'nothing'],
  ['password', 'no hash'],
  [
    '$argon2i$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    'argon2i',
  ],
  [
    '$argon2id$v=16$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    'old',
  ],
  [
    '$argon2id$v=19$m=9999999,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    'memory',
  ],
  [
    '$argon2id$v=19$m=19456,t=99,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    'passes',
  ],
  [
    '$argon2id$v=19$m=1,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    'too little',
  ],
  [
    '$argon2id$v=19$m=19456,t=2,p=0$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    'lanes',
  ],
] as const;

test('verifyPassword() is false for whatever is no hash of ours', async (t) => {
  for (const [hash, reason] of forged) t.false(await verifyPassword('', hash), reason);
});
