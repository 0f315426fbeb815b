import { parseNamePrefix } from '@img/spec/name-prefix';
import { parseRepositoryName } from '@img/spec/repository-name';
import test from 'ava';
import fc from 'fast-check';
import { AccessPolicy, nobody } from './access-policy.ts';
import { formatScope, parseScopes } from './scope.ts';

const name = parseRepositoryName('com.example.app');
const root = { name: 'root', isAdministrator: true };
const alice = { name: 'alice', isAdministrator: false };

const scopes = [
  ['repository:com.example.app:pull', ['repository:com.example.app:pull'], 'one action'],
  ['repository:com.example.app:push,pull', ['repository:com.example.app:pull,push'], 'several actions'],
  [
    'repository:a:pull repository:b:push',
    ['repository:a:pull', 'repository:b:push'],
    'several scopes in one',
  ],
  ['repository:a/b/c:*', ['repository:a/b/c:pull,push,delete'], 'everything'],
  ['registry:catalog:*', ['registry:catalog:*'], 'the catalog'],
  ['repository:a:fly', ['repository:a:'], 'an unknown action is left out'],
  ['repository:UPPER:pull', [], 'no repository has this name'],
  ['repository:host:5000/a:pull', [], 'nor this one'],
  ['registry:other:*', [], 'nothing else of the registry'],
  ['registry:catalog:pull', [], 'no such action on the catalog'],
  ['repository(plugin):a:pull', [], 'another type'],
  ['aws:foo:bar', [], 'another type'],
  ['', [], 'nothing'],
  ['repository', [], 'no colon'],
  ['repository:a', [], 'one colon'],
  ['::', [], 'only colons'],
] as const;

test('parseScopes() reads what it knows and leaves out the rest', (t) => {
  for (const [text, expected, reason] of scopes) {
    t.deepEqual(parseScopes([text]).map(formatScope), [...expected], reason);
  }
  t.is(parseScopes(['repository:a:pull', 'repository:b:pull']).length, 2, 'several parameters');
});

test('parseScopes() never throws, and reads no more than 20 scopes', (t) => {
  fc.assert(fc.property(fc.array(fc.string()), (texts) => parseScopes(texts).length <= 20));
  t.is(parseScopes([Array(1000).fill('repository:a:pull').join(' ')]).length, 20);
  t.is(parseScopes(Array(1000).fill('repository:a:pull')).length, 20);
});

test('an administrator may do everything, others what is public, nobody more', (t) => {
  const policy = new AccessPolicy([parseNamePrefix('com.example.')]);
  for (const action of ['pull', 'push', 'delete'] as const) {
    t.true(policy.allows(root, name, action));
    for (const principal of [alice, nobody]) t.is(policy.allows(principal, name, action), action === 'pull');
  }
  t.false(policy.allows(nobody, parseRepositoryName('com.examples'), 'pull'), 'labels, not letters');
  t.false(new AccessPolicy([]).allows(nobody, name, 'pull'), 'nothing is public by default');
  t.true(new AccessPolicy([parseNamePrefix('*')]).allows(nobody, name, 'pull'));
  t.deepEqual(
    [root, alice, nobody].map((who) => policy.allowsCatalog(who)),
    [true, false, false],
  );
});

test('intersect() grants the part that is allowed and no error for the rest', (t) => {
  const policy = new AccessPolicy([parseNamePrefix('com.example.')]);
  const asked = parseScopes([
    'repository:com.example.app:pull,push',
    'repository:private:pull',
    'registry:catalog:*',
  ]);
  t.deepEqual(policy.intersect(nobody, asked).map(formatScope), ['repository:com.example.app:pull']);
  t.deepEqual(policy.intersect(root, asked), asked);
  t.deepEqual(policy.intersect(nobody, []), []);
});
