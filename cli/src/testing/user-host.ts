import { spawn, spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { chmod, chown, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { hasId, userNamespace } from '@img/runtime/linux/user-namespace';
import { killControlGroup, readControlGroups } from '@img/runtime/state/control-groups';
import { findProgram, needsAbility, needsRoot, needsTool } from '@img/sign/testing/needs';
import type { ExecutionContext } from 'ava';
import type { RunResult } from './run-img.ts';

/** A user of this machine who is not root, whom only a view of the machine has that ends with each command. */
export type UserHost = {
  /** Of root; what is below `etc` lies over the machine's /etc. */
  readonly folder: string;
  readonly home: string;
  /** Runs the real command as the user. */
  readonly run: (words: readonly string[]) => Promise<RunResult>;
};

const uid = 61_234;
const subordinateIds = 400_000_000;

// Where only these processes see it: accounts of the test over those of the machine, the device of which networks are
// made, and the repository where everybody may go.
const script = `
[ "$2" = none ] || echo 0 >"$2/cgroup.procs" || exit 99
[ "$3" = own ] || { mount -t tmpfs -o mode=755 img /dev/net && mknod -m "$3" /dev/net/tun c 10 200; } || exit 99
mount -t overlay -o "lowerdir=$0/etc:/etc" img /etc && mount --bind "$1" "$0/repository" && cd "$0/home" || exit 99
shift 3
exec setpriv --reuid=${uid} --regid=${uid} --clear-groups --inh-caps=-all env -i \\
  HOME="$0/home" XDG_RUNTIME_DIR="$0/runtime" IMG_CACHE="$0/../cache" IMG_KEY_PASSPHRASE=secret PATH="$PATH" "$@"`;

const repository = resolve(import.meta.dirname, '../../..');

/** Whether this machine can have images run by users other than root. */
export function canRunAsUser(t: ExecutionContext): boolean {
  const tools = ['busybox', 'conmon', 'newuidmap', 'unshare', 'setpriv'];
  const hasRuntime = findProgram('crun') !== undefined || needsTool(t, 'runc');
  if (!needsRoot(t) || !hasRuntime || !tools.every((name) => needsTool(t, name))) return false;
  const isReadable = ['', 'node_modules/node/bin/node', 'cli/bin/img.js'].every(isForEverybody);
  return (
    needsAbility(t, isAbleAsUser(), 'user namespaces of users other than root') &&
    needsAbility(t, isReadable, 'a repository that other users can read')
  );
}

// Not under every umask.
function isForEverybody(path: string): boolean {
  return (statSync(join(repository, path)).mode & 0o005) === 0o005;
}

// Some distributions have them for root alone, and a container often has too few numbers.
function isAbleAsUser(): boolean {
  const { users, groups } = userNamespace() ?? {};
  const isMapped = [users, groups].every((ranges) => ranges === undefined || hasId(ranges, subordinateIds));
  const words = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', 'unshare', '--user', 'true'];
  return isMapped && spawnSync('setpriv', words).status === 0;
}

export type UserHostOptions = {
  readonly hasSubordinateIds?: boolean;
  /** Who may open /dev/net/tun, in octal digits; it is the machine's own unless this is given. */
  readonly tunMode?: string;
};

/** Makes a folder for the hosts of a file of tests, which share in it what can be made again; the caller removes it. */
export async function userHosts(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'img-users-'));
  await chmod(folder, 0o755);
  await mkdir(join(folder, 'cache'));
  await chown(join(folder, 'cache'), uid, uid);
  return folder;
}

/** Makes a host for a user that ends with the test, with everything that still runs there. */
export async function userHost(
  t: ExecutionContext,
  hosts: string,
  { hasSubordinateIds = true, tunMode = 'own' }: UserHostOptions = {},
): Promise<UserHost> {
  const folder = await mkdtemp(join(hosts, 'user-'));
  const home = join(folder, 'home');
  const group = await makeSessionGroup(basename(folder));
  const run = (words: readonly string[]) => runAsUser([folder, repository, group ?? 'none', tunMode], words);
  t.teardown(async () => {
    const { stdout } = await run(['ps', '--all', '--json']);
    const ids = (JSON.parse(stdout) as { id: string }[]).map(({ id }) => id);
    if (ids.length > 0) await run(['rm', '--force', ...ids]);
    if (group !== undefined) await killControlGroup({ roots: [dirname(group)] }, basename(group));
    await rm(folder, { recursive: true, force: true });
  });
  await chmod(folder, 0o755);
  for (const name of ['etc', 'repository']) await mkdir(join(folder, name));
  for (const name of ['home', 'runtime']) {
    await mkdir(join(folder, name), { mode: 0o700 });
    await chown(join(folder, name), uid, uid);
  }
  const account = `tester:x:${uid}:${uid}::${home}:/bin/sh\n`;
  const ranges = hasSubordinateIds ? `tester:${subordinateIds}:65536\n` : '';
  await writeFile(join(folder, 'etc/passwd'), `root:x:0:0::/root:/bin/sh\n${account}`);
  await writeFile(join(folder, 'etc/group'), `root:x:0:\ntester:x:${uid}:\n`);
  await writeFile(join(folder, 'etc/subuid'), ranges);
  await writeFile(join(folder, 'etc/subgid'), ranges);
  return { folder, home, run };
}

/** Writes a recipe for an image with a shell that runs its first word, and has the user build it. */
export async function buildAsUser(t: ExecutionContext, { home, run }: UserHost, files = ''): Promise<void> {
  const app = join(home, 'app');
  await mkdir(app);
  await copyFile(findProgram('busybox') ?? '', join(app, 'busybox'));
  await chmod(join(app, 'busybox'), 0o755);
  await writeFile(
    join(app, 'img.yaml'),
    `name: com.example.app\nversion: 1.0.0\nos: scratch\n` +
      `files: [{from: busybox, to: /bin/busybox, mode: "0755"}${files}]\n` +
      'run: {entrypoint: [/bin/busybox, sh, -c], cmd: [echo hello]}\n',
  );
  for (const path of [app, join(app, 'busybox'), join(app, 'img.yaml')]) await chown(path, uid, uid);
  const { code, stderr } = await run(['build', 'app']);
  t.is(code, 0, stderr);
}

/** A control group as systemd gives each session of a user; undefined where none can be made. */
async function makeSessionGroup(name: string): Promise<string | undefined> {
  const { mode, root } = readControlGroups();
  const group = join(root, mode === 'hybrid' ? 'unified' : '', `img-test-${name}`);
  if (mode !== 'hybrid' && mode !== 'v2') return undefined;
  return await mkdir(group).then(
    () => group,
    () => undefined,
  );
}

// The places are the words of the script before the command line.
async function runAsUser(
  places: readonly [folder: string, ...others: string[]],
  words: readonly string[],
): Promise<RunResult> {
  const [folder] = places;
  const here = join(folder, 'repository');
  const program = [join(here, 'node_modules/node/bin/node'), join(here, 'cli/bin/img.js')];
  const child = spawn(
    'unshare',
    ['--mount', '--propagation', 'private', 'sh', '-c', script, ...places, ...program, ...words],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((done, fail) => child.on('error', fail).on('close', done)),
  ]);
  return { code, stdout, stderr };
}
