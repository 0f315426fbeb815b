import test from 'ava';
import { Users } from './users.ts';

const passwd =
  'root:*:0:0:root:/root:/bin/bash\nwww-data:*:33:33::/var/www:/usr/sbin/nologin\nodd:*:7:50:::\n';
const group = 'root:*:0:\nadm:*:4:\nstaff:*:50:\nwww-data:*:33:\n';
const choice = (text: string) => {
  const [user = '', owners] = text.split(':');
  return { user, group: owners };
};

const resolved: readonly [choice: string, uid: number, gid: number, why: string][] = [
  ['www-data', 33, 33, 'a name, with its own group'],
  ['odd', 7, 50, 'a name whose group has another number'],
  ['www-data:adm', 33, 4, 'a name and a group by name'],
  ['www-data:1000', 33, 1000, 'a name and a group by number'],
  ['0', 0, 0, 'a number that is there'],
  ['7', 7, 50, 'a number that is there, with its own group'],
  ['1000', 1000, 1000, 'a number that nobody has, with the group of that number'],
  ['1000:adm', 1000, 4, 'a number and a group by name'],
];

for (const [text, uid, gid, why] of resolved) {
  test(`Users.resolve() ${text}: ${why}`, (t) => {
    t.deepEqual(new Users({ passwd, group }, undefined).resolve(choice(text)), { uid, gid });
  });
}

test('Users.resolve() refuses names that the image does not have, and says which there are', (t) => {
  const users = new Users({ passwd, group }, undefined);
  const error = t.throws(() => users.resolve(choice('app')), {
    code: 'OWNER_UNKNOWN',
    message: /no user "app"/,
  });
  t.regex((error as { hint?: string }).hint ?? '', /root, www-data, odd/);
  t.throws(() => users.resolve(choice('root:web')), { code: 'OWNER_UNKNOWN', message: /no group "web"/ });
});

test('Users creates the user of the app behind those of the packages', (t) => {
  const users = new Users({ passwd, group }, choice('app'));
  t.is(users.created, 'app');
  t.deepEqual(users.resolve(choice('app')), { uid: 65_532, gid: 65_532 });
  t.deepEqual(users.resolve(choice('root:app')), { uid: 0, gid: 65_532 });
  t.is(users.changedFiles.get('etc/passwd'), `${passwd}app:*:65532:65532:app:/home/app:/usr/sbin/nologin\n`);
  t.is(users.changedFiles.get('etc/group'), `${group}app:*:65532:\n`);
});

test('Users creates root beside the user of an app that has no packages', (t) => {
  const users = new Users({ passwd: '', group: '' }, choice('app'));
  t.is(
    users.changedFiles.get('etc/passwd'),
    'root:*:0:0:root:/root:/usr/sbin/nologin\napp:*:65532:65532:app:/home/app:/usr/sbin/nologin\n',
  );
  t.is(users.changedFiles.get('etc/group'), 'root:*:0:\napp:*:65532:\n');
});

test('Users puts root before those that packages ask for where no package has a list', (t) => {
  const { changedFiles } = new Users({ passwd: '', group: '' }, undefined, ['g input 101\n']);
  t.is(changedFiles.get('etc/passwd'), 'root:*:0:0:root:/root:/usr/sbin/nologin\n');
  t.is(changedFiles.get('etc/group'), 'root:*:0:\ninput:*:101:\n');
});

test('Users gives a created user the group that has its name', (t) => {
  const users = new Users({ passwd, group }, choice('staff'));
  t.deepEqual(users.resolve(choice('staff')), { uid: 65_532, gid: 50 });
  t.is(users.changedFiles.get('etc/group'), group);
});

for (const text of ['www-data', '1000', '0:0']) {
  test(`Users creates nobody for ${text}`, (t) => {
    const users = new Users({ passwd, group }, choice(text));
    t.is(users.created, undefined);
    t.is(users.changedFiles.size, 0);
  });
}

test('Users passes over lines that are none', (t) => {
  const users = new Users(
    { passwd: '# comment\n\nbroken\na:*:x:1\nok:*:5:6\n', group: '+\nnis:*:nine:\n' },
    undefined,
  );
  t.deepEqual(users.resolve(choice('ok')), { uid: 5, gid: 6 });
  t.throws(() => users.resolve(choice('a')), { code: 'OWNER_UNKNOWN' });
});

test('Users takes who runs the app from what packages ask for, before one is created', (t) => {
  const asking = ['u redis 200 "Redis" /var/lib/redis\n'];
  const users = new Users({ passwd, group }, choice('redis'), asking);
  t.is(users.created, undefined);
  t.deepEqual(users.resolve(choice('redis')), { uid: 200, gid: 200 });
  t.is(
    users.changedFiles.get('etc/passwd'),
    `${passwd}redis:*:200:200:Redis:/var/lib/redis:/usr/sbin/nologin\n`,
  );
  t.is(users.changedFiles.get('etc/group'), `${group}redis:*:200:\n`);
});
