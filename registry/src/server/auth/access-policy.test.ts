import { parseNamePrefix } from '@img/spec/name-prefix';
import { parseRepositoryName } from '@img/spec/repository-name';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { possibleOwners, type UserName } from '../../accounts/account-names.ts';
import { insertOrganisation, putMember } from '../../metadata/accounts/organisations.ts';
import { setPublic } from '../../metadata/accounts/public-repositories.ts';
import { databases, openMigrated } from '../../metadata/testing/databases.ts';
import { putUser } from '../../metadata/users.ts';
import { AccessPolicy, nobody, type Principal } from './access-policy.ts';
import { formatScope, parseScopes } from './scope.ts';

const name = parseRepositoryName('com.example.app');
const root = { name: 'root', isAdministrator: true };
type OpenDatabase = (typeof databases)[number][1];

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
  ['registry:accounts:*', ['registry:accounts:*'], 'the accounts'],
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

/** com.example with alice as reader, bob as writer and carol as admin; com.example.team of dave; a public one. */
async function openPolicy(t: ExecutionContext, open: OpenDatabase, anonymousPull: readonly string[] = []) {
  const database = await openMigrated(t, open);
  await database.transaction(async (writer) => {
    for (const user of ['alice', 'bob', 'carol', 'dave']) {
      await putUser(writer, { name: user, password_hash: 'x', is_administrator: 0 }, 1);
    }
    const [outer, inner] = [parseRepositoryName('com.example'), parseRepositoryName('com.example.team')];
    await insertOrganisation(writer, outer, 1);
    await insertOrganisation(writer, inner, 1);
    const members = [
      [outer, 'alice', 'read'],
      [outer, 'bob', 'write'],
      [outer, 'carol', 'admin'],
      [inner, 'dave', 'admin'],
    ] as const;
    for (const [organisation, user, role] of members) {
      await putMember(writer, organisation, { user: user as UserName, role }, 1);
    }
    await setPublic(writer, parseRepositoryName('com.example.open'), true, 1);
  });
  return new AccessPolicy({ database, anonymousPull: anonymousPull.map(parseNamePrefix) });
}

const user = (name: string) => ({ name, isAdministrator: false });
const robot = (role: 'read' | 'write') => ({
  ...user(`com.example+${role}`),
  robot: { organisation: parseRepositoryName('com.example'), role },
});

const rights: readonly [who: Principal, repository: string, actions: string, reason: string][] = [
  [root, 'com.example.app', 'pull push delete', 'administrators may do everything'],
  [root, 'org.other', 'pull push delete', 'also where no organisation is'],
  [user('alice'), 'com.example.app', 'pull', 'readers pull'],
  [user('alice'), 'com.example', 'pull', 'the name itself belongs to the organisation'],
  [user('alice'), 'com.example/app', 'pull', 'and what is below it by a slash'],
  [user('alice'), 'com.examples', '', 'labels, not letters'],
  [user('bob'), 'com.example.app', 'pull push', 'writers push'],
  [user('carol'), 'com.example.app', 'pull push delete', 'admins delete'],
  [user('carol'), 'com.example.team.app', '', 'the longest name owns: the outer organisation has no say'],
  [user('dave'), 'com.example.team.app', 'pull push delete', 'its own members do'],
  [user('dave'), 'com.example.app', '', 'and have none outside'],
  [user('dave'), 'com.example.open', 'pull', 'public is for everybody'],
  [user('bob'), 'com.example.open', 'pull push', 'whoever may more, may more'],
  [user('eve'), 'com.example.app', '', 'no member'],
  [nobody, 'com.example.app', '', 'private by default'],
  [nobody, 'com.example.open', 'pull', 'public by choice'],
  [nobody, 'com.example.open.more', '', 'of one repository'],
  [robot('read'), 'com.example.app', 'pull', 'a robot that reads'],
  [robot('write'), 'com.example.app', 'pull push', 'a robot that writes'],
  [robot('write'), 'com.example.team.app', '', 'a robot of another organisation'],
];

for (const [databaseName, open] of databases) {
  test(`allows() goes by role, owner and visibility, on ${databaseName}`, async (t) => {
    const policy = await openPolicy(t, open);
    for (const [who, repository, expected, reason] of rights) {
      const allowed: string[] = [];
      for (const action of ['pull', 'push', 'delete'] as const) {
        if (await policy.allows(who, parseRepositoryName(repository), action)) allowed.push(action);
      }
      t.is(allowed.join(' '), expected, `${who.name} on ${repository}: ${reason}`);
    }
  });

  test(`intersect() grants the part that is allowed and no error for the rest, on ${databaseName}`, async (t) => {
    const policy = await openPolicy(t, open, ['org.free.']);
    const asked = parseScopes([
      'repository:com.example.app:*',
      'repository:com.example.open:pull,push',
      'repository:org.free.app:pull,push',
      'registry:catalog:*',
      'registry:accounts:*',
    ]);
    const granted = async (who: Principal) => (await policy.intersect(who, asked)).map(formatScope);
    t.deepEqual(await granted(nobody), ['repository:com.example.open:pull', 'repository:org.free.app:pull']);
    t.deepEqual(await granted(user('bob')), [
      'repository:com.example.app:pull,push',
      'repository:com.example.open:pull,push',
      'repository:org.free.app:pull',
      'registry:accounts:*',
    ]);
    t.deepEqual(await policy.intersect(root, asked), asked);
    t.deepEqual(await policy.intersect(nobody, []), []);
  });
}

test('names that everybody may pull are covered on label boundaries', async (t) => {
  const [[, open]] = databases as [(typeof databases)[0]];
  const policy = await openPolicy(t, open, ['com.example.']);
  t.true(await policy.allows(nobody, name, 'pull'));
  t.false(await policy.allows(nobody, name, 'push'));
  t.false(await policy.allows(nobody, parseRepositoryName('com.examples'), 'pull'));
  t.true(await (await openPolicy(t, open, ['*'])).allows(nobody, name, 'pull'));
});

test('possibleOwners() are the beginnings of a name on label boundaries', (t) => {
  t.deepEqual(possibleOwners(parseRepositoryName('com.example-x.app/web')), [
    'com.example-x.app/web',
    'com.example-x.app',
    'com.example-x',
    'com',
  ] as string[]);
});
