import { digestOf } from '@img/spec/digest';
import { parseManifest } from '@img/spec/manifest';
import { parseNamePrefix } from '@img/spec/name-prefix';
import { parseRepositoryName } from '@img/spec/repository-name';
import { parseTag } from '@img/spec/tag';
import test from 'ava';
import type { UserName } from '../../accounts/account-names.ts';
import type { Database } from '../database.ts';
import { putManifest } from '../put-manifest.ts';
import { databases, openMigrated } from '../testing/databases.ts';
import { countAdministrators, deleteUser, listUsers, putUser } from '../users.ts';
import { listEvents, noteEvent } from './events.ts';
import { listRepositoriesOf } from './list-repositories-of.ts';
import { listMoves, listTagged } from './list-tagged.ts';
import {
  deleteMember,
  deleteOrganisation,
  findLongest,
  findRole,
  insertOrganisation,
  listMembers,
  listMemberships,
  listOrganisations,
  putMember,
} from './organisations.ts';
import { isPublic, setPublic } from './public-repositories.ts';
import { deleteRobot, findRobot, listRobots, putRobot } from './robots.ts';
import { deleteSession, deleteSessionsOf, findSession, insertSession } from './sessions.ts';

const acme = parseRepositoryName('acme');
const team = parseRepositoryName('acme/team');
const alice = 'alice' as UserName;
const bob = 'bob' as UserName;
const bytes = Buffer.from(
  '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}',
);
const digest = digestOf(bytes);

for (const [name, open] of databases) {
  test(`${name}: organisations have members with roles, which end with either of the two`, async (t) => {
    const database = await openMigrated(t, open);
    await makeUsers(database);
    await database.transaction(async (writer) => {
      t.true(await insertOrganisation(writer, acme, 1));
      t.false(await insertOrganisation(writer, acme, 2), 'there is one');
      t.true(await insertOrganisation(writer, team, 1));
      t.true(await putMember(writer, acme, { user: alice, role: 'read' }, 1));
      t.true(await putMember(writer, acme, { user: alice, role: 'admin' }, 2), 'another role');
      t.true(await putMember(writer, team, { user: alice, role: 'write' }, 1));
      t.true(await putMember(writer, team, { user: bob, role: 'read' }, 1));
      t.false(await putMember(writer, acme, { user: 'ghost' as UserName, role: 'read' }, 1));
      t.false(await putMember(writer, parseRepositoryName('absent'), { user: bob, role: 'read' }, 1));
    });
    t.deepEqual(await listOrganisations(database), [acme, team]);
    t.is(await findLongest(database, [acme, team, parseRepositoryName('acme/team/x')]), team);
    t.is(await findLongest(database, [parseRepositoryName('absent')]), undefined);
    t.is(await findRole(database, acme, alice), 'admin');
    t.is(await findRole(database, acme, bob), undefined);
    t.deepEqual(await listMembers(database, team), [
      { user: alice, role: 'write' },
      { user: bob, role: 'read' },
    ]);
    t.deepEqual(
      (await listMemberships(database, alice)).map(({ organisation }) => organisation),
      [acme, team],
    );
    await database.transaction(async (writer) => {
      t.true(await deleteMember(writer, team, bob));
      t.false(await deleteMember(writer, team, bob));
      t.true(await deleteOrganisation(writer, team));
      t.false(await deleteOrganisation(writer, team));
      t.true(await deleteUser(writer, alice));
      t.false(await deleteUser(writer, alice));
    });
    t.deepEqual(await listMembers(database, acme), []);
    t.deepEqual(
      (await listUsers(database)).map((user) => user.name),
      ['bob', 'root'],
    );
    t.is(await countAdministrators(database), 1);
  });

  test(`${name}: a robot has one token, and goes with its organisation`, async (t) => {
    const database = await openMigrated(t, open);
    const robot = {
      name: 'ci',
      role: 'read',
      created_by: 'root',
      created_at: 1,
      expires_at: 2 ** 45,
    } as const;
    await database.transaction(async (writer) => {
      await insertOrganisation(writer, acme, 1);
      t.true(await putRobot(writer, acme, { ...robot, token_hash: 'a' }));
      t.true(await putRobot(writer, acme, { ...robot, role: 'write', token_hash: 'b' }));
      t.false(await putRobot(writer, team, { ...robot, token_hash: 'a' }));
    });
    t.like(await findRobot(database, acme, 'ci'), { role: 'write', token_hash: 'b', expires_at: 2 ** 45 });
    t.deepEqual(await listRobots(database, acme), [{ ...robot, role: 'write' }]);
    await database.transaction(async (writer) => {
      t.true(await deleteRobot(writer, acme, 'ci'));
      t.false(await deleteRobot(writer, acme, 'ci'));
      await putRobot(writer, acme, { ...robot, token_hash: 'c' });
      await deleteOrganisation(writer, acme);
    });
    t.is(await findRobot(database, acme, 'ci'), undefined);
  });

  test(`${name}: a session is somebody's until its time is over or it is ended`, async (t) => {
    const database = await openMigrated(t, open);
    await makeUsers(database);
    await database.transaction(async (writer) => {
      for (const id of ['one', 'two', 'three']) {
        t.true(await insertSession(writer, { id, user: alice, expires_at: 10 }, 1));
      }
      t.true(await insertSession(writer, { id: 'of bob', user: bob, expires_at: 10 }, 1));
      t.false(await insertSession(writer, { id: 'x', user: 'ghost', expires_at: 10 }, 1));
    });
    t.is(await findSession(database, 'one', 9), alice);
    t.is(await findSession(database, 'one', 10), undefined);
    await database.transaction((writer) => deleteSession(writer, 'one'));
    t.is(await findSession(database, 'one', 9), undefined);
    await database.transaction((writer) => deleteSessionsOf(writer, alice));
    t.is(await findSession(database, 'two', 9), undefined);
    t.is(await findSession(database, 'of bob', 9), bob);
    await database.transaction((writer) => deleteUser(writer, bob));
    t.is(await findSession(database, 'of bob', 9), undefined);
  });

  test(`${name}: repositories are listed by prefix, setting, part of the name and page`, async (t) => {
    const database = await openMigrated(t, open);
    const names = [
      'acme',
      'acme-x',
      'acme.app',
      'acme/app',
      'acme/team/y',
      'acme0',
      'acmes',
      'zeta_a',
      'zeta_b',
    ];
    for (const repository of names)
      await push(database, repository, ['v1', `${digest.replace(':', '-')}.sig`]);
    await database.transaction((writer) => setPublic(writer, parseRepositoryName('zeta_a'), true, 1));
    const list = async (prefixes: readonly string[], search = '', after = '', limit = 100) => {
      const below = prefixes.map(parseNamePrefix);
      const found = await listRepositoriesOf(database, { below, search, after, limit });
      return found.map(({ name: repository }) => repository) as readonly string[];
    };
    t.deepEqual(await list(['*']), names);
    t.deepEqual(await list(['acme']), ['acme', 'acme.app', 'acme/app', 'acme/team/y', 'zeta_a']);
    t.deepEqual(await list(['acme.']), ['acme.app', 'zeta_a']);
    t.deepEqual(await list(['acme/']), ['acme/app', 'acme/team/y', 'zeta_a']);
    t.deepEqual(await list([]), ['zeta_a'], 'only what is public');
    t.deepEqual(await list(['*'], 'e/'), ['acme/app', 'acme/team/y']);
    t.deepEqual(await list(['*'], '%'), [], 'no wildcard');
    t.deepEqual(await list(['*'], '', 'acme.app', 2), ['acme/app', 'acme/team/y']);
    const [first] = await listRepositoriesOf(database, { below: [], search: '', after: '', limit: 1 });
    t.deepEqual({ ...first }, { name: parseRepositoryName('zeta_a'), tags: 1, pushed_at: 5, is_public: 1 });
  });

  test(`${name}: what is public, what was done and what moved is told`, async (t) => {
    const database = await openMigrated(t, open);
    await database.transaction(async (writer) => {
      t.true(await setPublic(writer, acme, true, 1));
      t.false(await setPublic(writer, acme, true, 1), 'it was');
      await noteEvent(writer, { at: 1, actor: 'root', action: 'first', subject: 'x' });
      await noteEvent(writer, { at: 1, actor: 'root', action: 'second', subject: 'x' });
    });
    t.true(await isPublic(database, acme));
    await database.transaction((writer) => setPublic(writer, acme, false, 1));
    t.false(await isPublic(database, acme));
    t.deepEqual(
      (await listEvents(database, 10)).map(({ action }) => action),
      ['second', 'first'],
    );
    await push(database, 'acme', ['a', 'b', `${digest.replace(':', '-')}.sig`]);
    t.deepEqual(
      (await listTagged(database, acme, { skip: 0, limit: 10 })).map(({ tag }) => tag as string),
      ['a', 'b'],
      'no tag that only attaches signatures',
    );
    t.is((await listTagged(database, acme, { skip: 1, limit: 10 })).length, 1);
    t.like((await listMoves(database, 2))[1], {
      repository: acme,
      tag: parseTag('b'),
      digest,
      actor: 'root',
    });
  });
}

async function makeUsers(database: Database): Promise<void> {
  await database.transaction(async (writer) => {
    for (const name of ['root', alice, bob]) {
      await putUser(writer, { name, password_hash: 'x', is_administrator: name === 'root' ? 1 : 0 }, 1);
    }
  });
}

async function push(database: Database, repository: string, tags: readonly string[]): Promise<void> {
  const put = {
    repository: parseRepositoryName(repository),
    digest,
    manifest: parseManifest(bytes),
    bytes,
    tags: tags.map(parseTag),
  };
  await database.transaction((writer) => putManifest(writer, put, { actor: 'root', now: 5 }));
}
