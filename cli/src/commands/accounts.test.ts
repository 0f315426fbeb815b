import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type Instance, newInstance, type RunResult } from '../testing/run-img.ts';
import { administrator, startTestRegistry } from '../testing/test-registry.ts';

type Person = (words: string, input?: string) => Promise<RunResult>;

/** A registry whose administrator is logged in, and a way for others to log in to it. */
async function prepare(t: ExecutionContext) {
  const instance = await newInstance(t);
  const registry = await startTestRegistry(t, instance);
  const logIn = async (name: string, password: string) => {
    const person = personOf(instance, registry, name);
    t.is((await person(`login -u ${name} --password-stdin`, password)).code, 0);
    return person;
  };
  return { logIn, registry, admin: await logIn(administrator.name, administrator.password), instance };
}

function personOf({ run, folder }: Instance, registry: string, name: string): Person {
  const variables = { IMG_REGISTRY: registry, DOCKER_CONFIG: join(folder, `docker-${name}`) };
  return (words, input = '') => run(words.split(' '), { variables, input });
}

test('an administrator makes users and organisations, whose admins say who else may do what', async (t) => {
  const { admin, logIn } = await prepare(t);
  const made = await admin('user add alice');
  const password = /^password of alice, shown only now: (\S{24})\n$/.exec(made.stdout)?.[1];
  t.truthy(password, made.stderr);
  t.is((await admin('user add bob --password-stdin', 'password of bob\n')).stdout, 'bob\n');
  t.regex((await admin('user list')).stdout, /^NAME +MAY +SINCE\nadmin +everything +\S+\nalice +\S+\nbob/);
  t.is((await admin('org add com.example')).stdout, 'made com.example\n');
  const added = await admin('org add-member com.example alice --role admin');
  t.is(added.stdout, 'alice may admin in com.example\n');
  const alice = await logIn('alice', password as string);
  t.is((await alice('org add-member com.example bob --role write')).code, 0);
  t.is((await alice('org members com.example')).stdout, 'USER   MAY\nalice  admin\nbob    write\n');
  t.is((await alice('user show')).stdout, 'alice\ncom.example  admin\n');
  t.is((await alice('repo public com.example.app')).stdout, 'com.example.app is public\n');
  t.is((await alice('repo list')).stdout, '');
  t.is((await alice('org remove-member com.example bob')).stdout, 'removed bob from com.example\n');
  t.is((await admin('org remove com.example')).code, 0);
  t.is((await admin('user remove alice')).stdout, 'removed alice\n');
  t.is((await alice('user show')).code, 5);
});

test('a robot gets a token that logs it in, until it is removed', async (t) => {
  const { admin, logIn } = await prepare(t);
  await admin('org add com.example');
  const { stdout } = await admin('robot add com.example ci --role write --expires 30d --json');
  const { logIn: name, token } = JSON.parse(stdout) as { logIn: string; token: string };
  t.is(name, 'com.example+ci');
  const robot = await logIn(name, token);
  t.deepEqual(JSON.parse((await robot('user show --json')).stdout), {
    name,
    isAdministrator: false,
    isRobot: true,
    organisations: [{ name: 'com.example', role: 'write' }],
  });
  t.regex(
    (await admin('robot list com.example')).stdout,
    /\ncom\.example\+ci +write +\d{4}-\d\d-\d\d +admin\n$/,
  );
  t.is((await admin('robot remove com.example ci')).stdout, 'removed com.example+ci\n');
  t.is((await robot('user show')).code, 5);
});

test('img user password changes one’s own with the current one, and lets administrators reset others', async (t) => {
  const { admin, logIn } = await prepare(t);
  await admin('user add bob --password-stdin', 'password of bob');
  const bob = await logIn('bob', 'password of bob');
  const wrong = await bob('user password --password-stdin', 'wrong\nanother one');
  t.is(wrong.code, 5);
  t.regex(wrong.stderr, /the current password is another one/);
  const changed = await bob('user password --password-stdin', 'password of bob\nanother one\n');
  t.is(changed.stdout, 'changed the password of bob\n');
  await logIn('bob', 'another one');
  t.regex((await admin('user password bob')).stdout, /^password of bob, shown only now: \S{24}\n$/);
});

const refused: readonly [words: string, code: number, stderr: RegExp, reason: string][] = [
  ['user add Upper', 5, /the name of the user.*Upper.*should be lower-case letters/, 'no name of a user'],
  ['user add admin', 5, /could not make a user on .*there is a user admin already/, 'a name that is taken'],
  ['user remove admin', 5, /admin is the last administrator/, 'nobody would be left'],
  ['user remove ghost', 4, /there is no user ghost/, 'nobody to remove'],
  ['org members org.absent', 4, /there is no organisation org\.absent/, 'no such organisation'],
  ['org add-member com.example alice --role king', 2, /read, write, admin/, 'no such role'],
  ['robot add com.example ci --expires 2y', 2, /366 days at most, not 730/, 'too long'],
  ['robot add com.example ci --expires soon', 2, /such as 30d/, 'no duration'],
  ['user password', 1, /no terminal[\s\S]*hint: give --password-stdin/, 'nowhere to ask'],
];

test('what a registry or the command line refuses is said, with the exit code of its kind', async (t) => {
  const { admin } = await prepare(t);
  for (const [words, code, message, reason] of refused) {
    const result = await admin(words);
    t.is(result.code, code, `${words}: ${reason}: ${result.stderr}`);
    t.regex(result.stderr, message, words);
  }
});

test('who is not logged in is told how to', async (t) => {
  const { instance, registry } = await prepare(t);
  const { code, stderr } = await personOf(instance, registry, 'stranger')('user show');
  t.is(code, 5);
  t.regex(stderr, /hint: log in with: img login /);
});
