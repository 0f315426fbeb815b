import { parseRepositoryName } from '@img/spec/repository-name';
import { parseTag } from '@img/spec/tag';
import test from 'ava';
import { nextSequence } from './next-sequence.ts';
import { SignError } from './sign-error.ts';
import { checkStatement, formatIdentity, parseIdentity, type Statement } from './statement.ts';
import { testClaim, testDigest, untaggedClaim } from './testing/test-claim.ts';

const invalid = { instanceOf: SignError, code: 'STATEMENT_INVALID' };

test('parseIdentity() reads back what formatIdentity() writes', (t) => {
  for (const claim of [testClaim, untaggedClaim]) {
    const { registry, repository, tag } = claim;
    t.deepEqual(parseIdentity(formatIdentity(claim), testDigest('a')), { registry, repository, tag });
  }
});

test('parseIdentity() reads the names that other tools write', (t) => {
  for (const [text, repository, tag] of [
    ['index.docker.io/library/nginx', 'library/nginx', undefined],
    ['localhost/app:1', 'app', '1'],
    ['127.0.0.1:5000/com.example/app', 'com.example/app', undefined],
    [`ghcr.io/o/app@${testDigest('a')}`, 'o/app', undefined],
    [`ghcr.io/o/app:1@${testDigest('a')}`, 'o/app', '1'],
  ] as const) {
    const identity = parseIdentity(text, testDigest('a'));
    t.is(identity.repository as string, repository);
    t.is(identity.tag as string | undefined, tag);
  }
});

test('parseIdentity() refuses names that could be read in two ways', (t) => {
  for (const [text, reason] of [
    ['', 'nothing'],
    ['nginx:1', 'no registry'],
    ['library/nginx', 'no registry, though there is a slash'],
    [`ghcr.io/o/app@${testDigest('b')}`, 'another digest than the signed one'],
    ['ghcr.io/o/App:1', 'upper case'],
    ['ghcr.io/o/app:1:2', 'two tags'],
    ['ghcr.io/o/app ', 'a space'],
    ['https://ghcr.io/o/app', 'a URL'],
  ] as const) {
    t.throws(() => parseIdentity(text, testDigest('a')), invalid, reason);
  }
});

test('checkStatement() refuses parts that contradict each other', (t) => {
  for (const [change, reason] of [
    [{ sequence: 0 }, 'numbers begin at 1'],
    [{ sequence: 1.5 }, 'a broken number'],
    [{ tag: undefined }, 'a number without a tag'],
    [{ repository: undefined }, 'a tag without a repository'],
    [{ expires: testClaim.issued }, 'over before it begins'],
  ] as const) {
    t.throws(() => checkStatement({ ...testClaim, ...change }), invalid, reason);
  }
  t.notThrows(() => checkStatement({ ...testClaim, expires: undefined }));
});

const asked = { repository: testClaim.repository, tag: parseTag('1.0'), digest: testDigest('a') };
const known = (digit: string, sequence: number | undefined, change: Partial<Statement> = {}): Statement => ({
  ...testClaim,
  digest: testDigest(digit),
  sequence,
  ...change,
});

const sequences: readonly (readonly [known: readonly Statement[], expected: number, reason: string])[] = [
  [[], 1, 'the first statement'],
  [[known('b', 1)], 2, 'a new digest comes after the known one'],
  [[known('a', 1)], 1, 'a second signer of the newest digest joins'],
  [[known('a', 7), known('b', 3)], 7, 'also when there were others before'],
  [[known('a', 1), known('b', 2)], 3, 'an older digest again is a new statement'],
  [[known('a', 1), known('b', 2), known('a', 3)], 3, 'and that one is joined'],
  [[known('a', 2), known('b', 2)], 2, 'two digests with one number: the signer takes sides'],
  [[known('a', undefined)], 1, 'statements without a number do not count'],
  [[known('b', 5, { tag: parseTag('2.0') })], 1, 'another tag has its own numbers'],
  [[known('b', 5, { repository: parseRepositoryName('com.example.apps') })], 1, 'so has another repository'],
];

test('nextSequence() joins the newest statement about the same digest, else comes after all', (t) => {
  for (const [statements, expected, reason] of sequences) {
    t.is(nextSequence(statements, asked), expected, reason);
    t.is(nextSequence(statements.toReversed(), asked), expected, `${reason}, in another order`);
  }
});

test('nextSequence() refuses to count beyond what numbers can hold', (t) => {
  t.throws(() => nextSequence([known('b', Number.MAX_SAFE_INTEGER)], asked), invalid);
});
