import { existsSync } from 'node:fs';
import {
  appendFile,
  chmod,
  chown,
  lchown,
  mkdir,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { buildAsUser, canRunAsUser, type UserHost, userHost, userHosts } from '../testing/user-host.ts';

const unsigned = ['run', '--quiet', '--pull', 'never', '--insecure', 'signature'];
const image = 'com.example.app';

let hosts = '';

test.before(async () => {
  if (process.geteuid?.() === 0) hosts = await userHosts();
});

test.after.always(async () => {
  if (hosts !== '') await rm(hosts, { recursive: true, force: true });
});

type Inspected = { readonly pid: number; readonly supervisorPid: number };

test('a user other than root runs an image, whose users are theirs alone, and removes it', async (t) => {
  if (!canRunAsUser(t)) return;
  const host = await userHost(t, hosts);
  await buildAsUser(t, host, ', {from: img.yaml, to: /etc/note, owner: "1000:33", mode: "0600"}');
  const look =
    'cd /; busybox stat -c %u:%g /bin/busybox /etc/note; read a b c </proc/self/uid_map; echo $a $b $c';
  const words =
    'busybox cat /etc/note 2>/dev/null || echo closed; busybox mount -t tmpfs x /tmp 2>/dev/null || echo no';
  const seen = await host.run([...unsigned, '--user', '1001', image, `${look}; ${words}; exit 7`]);
  t.is(seen.code, 7, seen.stderr);
  t.deepEqual(seen.stdout.trim().split('\n'), ['0:0', '1000:33', '0 61234 1', 'closed', 'no']);
  const writing = 'busybox rm -r /bin && busybox mkdir /bin; echo new >/bin/f; read line </bin/f; echo $line';
  const script = writing.replaceAll('busybox', '/tmp/b');
  const changed = await host.run([
    ...unsigned,
    '--writable',
    image,
    `busybox cp /bin/busybox /tmp/b; ${script}`,
  ]);
  t.is(changed.stdout, 'new\n', changed.stderr);
  const ofHost = await host.run([
    ...unsigned,
    '--net',
    'host',
    image,
    'cd /sys; echo *; cd class/net; echo lo*',
  ]);
  t.is(ofHost.stdout, 'block bus class devices\nlo\n', ofHost.stderr);
  t.deepEqual(await leftIn(host), [], 'nothing is left of them');
  const trees = join(host.home, '.local/share/img/mapped');
  const [tree = '', ...others] = await readdir(trees);
  t.deepEqual(others, []);
  await appendFile(join(trees, tree, 'etc/note'), 'x');
  const examined = await host.run(['verify', '--deep', `${image}:1.0.0`]);
  t.is(examined.code, 3);
  t.regex(examined.stderr, /is damaged on this host:\n.*etc\/note/s);
  const removed = await host.run(['rm', `${image}:1.0.0`, `${image}:latest`]);
  t.is(removed.code, 0, removed.stderr);
  t.deepEqual(await readdir(trees), ['trash'], 'also files that belong to other users');
});

test('what a user lets run on can be looked at, entered and ended by them, whoever the app runs as', async (t) => {
  if (!canRunAsUser(t)) return;
  const host = await userHost(t, hosts);
  await buildAsUser(t, host);
  const script = 'trap "echo bye; exit 5" TERM; echo up; : >/tmp/ready; while :; do busybox sleep 0.1; done';
  const start = async (name: string) => {
    const { code, stderr } = await host.run([
      ...unsigned,
      '-d',
      '--name',
      name,
      '--user',
      '1000',
      image,
      script,
    ]);
    t.is(code, 0, stderr);
  };
  await start('web');
  // Once it listens to what will end it.
  const ready = 'until [ -e /tmp/ready ]; do busybox sleep 0.1; done; busybox id -u';
  const inside = await host.run(['exec', 'web', '/bin/busybox', 'sh', '-c', ready]);
  t.is(inside.stdout, '1000\n', inside.stderr);
  t.is((await host.run(['cp', 'app/img.yaml', 'web:/tmp/copied'])).stderr, '');
  const owner = await host.run(['exec', 'web', '/bin/busybox', 'stat', '-c', '%u', '/tmp/copied']);
  t.is(owner.stdout, '1000\n', owner.stderr);
  const top = JSON.parse((await host.run(['top', 'web', '--json'])).stdout) as { readonly uid: number }[];
  t.true(top.length > 0 && top.every(({ uid }) => uid === 400_000_999), 'as the host numbers them');
  t.is((await host.run(['stop', '--time', '60', 'web'])).stderr, '');
  t.is((await host.run(['wait', 'web'])).stdout, '5\n');
  t.is((await host.run(['logs', 'web'])).stdout, 'up\nbye\n');
  await start('other');
  const taken = await host.run([...unsigned, '--name', 'other', '--replace', image, 'echo instead']);
  t.is(taken.stdout, 'instead\n', taken.stderr);
  t.is((await host.run(['rm', 'web'])).code, 0);
  t.deepEqual(await leftIn(host), []);
});

test('the monitor of a user’s container killed: the next command ends the app', async (t) => {
  if (!canRunAsUser(t)) return;
  const host = await userHost(t, hosts);
  await buildAsUser(t, host);
  const script = 'while :; do busybox sleep 0.1; done';
  const started = await host.run([...unsigned, '-d', '--name', 'web', '--user', '1000', image, script]);
  t.is(started.code, 0, started.stderr);
  const { pid, supervisorPid } = JSON.parse(
    (await host.run(['inspect', '--json', 'web'])).stdout,
  ) as Inspected;
  process.kill(supervisorPid, 'SIGKILL');
  t.true(existsSync(`/proc/${pid}/exe`), 'the app outlives its monitor');
  const [container] = JSON.parse((await host.run(['ps', '--all', '--json'])).stdout) as {
    exitCode: number;
  }[];
  t.is(container?.exitCode, 137);
  t.false(existsSync(`/proc/${pid}/exe`));
  t.is((await host.run(['rm', 'web'])).code, 0);
  t.deepEqual(await leftIn(host), []);
});

test('whom the host trusts counts for its users, unless others could have said so', async (t) => {
  if (!canRunAsUser(t)) return;
  const host = await userHost(t, hosts);
  await buildAsUser(t, host);
  for (const words of [
    ['key', 'new', 'alice'],
    ['sign', '--key', 'alice', image],
    ['trust', 'add', 'alice', '--prefix', 'com.example.'],
  ]) {
    const { code, stderr } = await host.run(words);
    t.is(code, 0, stderr);
  }
  const own = join(host.home, '.config/img/trust.d');
  const [document = ''] = await readdir(own);
  const ofHost = join(host.folder, 'etc/img/trust.d');
  await mkdir(ofHost, { recursive: true });
  await rename(join(own, document), join(ofHost, document));
  await chown(join(ofHost, document), 0, 0);
  const verified = await host.run(['run', '--pull', 'never', image]);
  t.is(verified.stdout, 'hello\n', verified.stderr);
  await writeFile(join(ofHost, 'other.json'), '');
  await chown(join(ofHost, 'other.json'), 4343, 4343);
  const refused = await host.run(['run', '--pull', 'never', image]);
  t.not(refused.code, 0);
  t.regex(refused.stderr, /other\.json" belongs to user 4343/);
  for (const words of [['gc'], ['rm', image]]) {
    const { code, stderr } = await host.run(words);
    t.is(code, 0, `${words[0]} asks nobody for trust: ${stderr}`);
  }
});

test('what a user can’t have is refused in words', async (t) => {
  if (!canRunAsUser(t)) return;
  const host = await userHost(t, hosts);
  await buildAsUser(t, host, ', {from: img.yaml, to: /etc/note, owner: "70000"}');
  const foreign = await host.run([...unsigned, image]);
  t.is(foreign.code, 1);
  t.regex(foreign.stderr, /the image has files of user 70000, who has no number in your range\n +hint: /);
  const trees = await readdir(join(host.home, '.local/share/img/mapped'));
  t.deepEqual(trees, [], 'and nothing is half made');
  const store = join(host.home, '.local/share/img');
  await rename(store, join(host.home, 'large'));
  await symlink(join(host.home, 'large'), store);
  await lchown(store, 4343, 4343);
  t.regex((await host.run([...unsigned, image])).stderr, /the folder "[^"]*" belongs to user 4343\n +hint: /);
  const { uid, gid } = await stat(host.home);
  await lchown(store, uid, gid);
  t.regex((await host.run([...unsigned, image])).stderr, /user 70000/, 'a link of their own is theirs');
  await chmod(store, 0o775);
  t.regex(
    (await host.run([...unsigned, image])).stderr,
    /others can write to the folder .*\n +hint: .* chmod go-w/,
  );
  const alone = await userHost(t, hosts, { hasSubordinateIds: false });
  const { code, stderr } = await alone.run([...unsigned, image]);
  t.is(code, 1);
  t.regex(stderr, /^img: tester has no subordinate ids on this host.*\n +hint: .*usermod --add-subuids/);
  t.regex((await alone.run(['doctor'])).stdout, /^missing +user +only root can run images: tester has no/m);
});

/** What the user's commands have left of containers. */
async function leftIn({ folder }: UserHost): Promise<readonly string[]> {
  const run = join(folder, 'runtime/img');
  const folders = ['bundle', 'containers', 'runtimes/crun', 'runtimes/runc'];
  return (await Promise.all(folders.map((name) => readdir(join(run, name))))).flat();
}
