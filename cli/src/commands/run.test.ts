import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { identifyProcess } from '@img/runtime/state/process-identity';
import { findProgram, needsRoot, needsTool } from '@img/sign/testing/needs';
import test, { type ExecutionContext } from 'ava';
import { type Instance, newInstance, programPath } from '../testing/run-img.ts';
import { administrator, startTestRegistry } from '../testing/test-registry.ts';
import { typeInto } from '../testing/type-into.ts';

const passphrase = { IMG_KEY_PASSPHRASE: 'x' };

/** An image with a shell in a registry, signed by alice, and a host with an empty store that trusts her. */
async function prepare(t: ExecutionContext, { signed = true }: { readonly signed?: boolean } = {}) {
  const base = await newInstance(t);
  const registry = await startTestRegistry(t, base);
  const on = (variables: { readonly [name: string]: string }): Instance => ({
    ...base,
    variables: { ...base.variables, ...variables },
    run: (words, options = {}) =>
      base.run(words, { ...options, variables: { ...variables, ...options.variables } }),
  });
  const publisher = on({ IMG_REGISTRY: registry, ...passphrase });
  const host = on({
    IMG_REGISTRY: registry,
    IMG_CONFIG: join(base.folder, 'host-config'),
    IMG_ROOT: join(base.folder, 'host-root'),
    DOCKER_CONFIG: join(base.folder, 'none'),
  });
  await writeShellApp(base.folder);
  await publisher.run(['login', '-u', administrator.name, '--password-stdin'], {
    input: administrator.password,
  });
  await publisher.run(['key', 'new', 'alice']);
  await publisher.run(['build', 'app']);
  if (signed) await publisher.run(['sign', '--key', 'alice', 'com.example.app']);
  t.is((await publisher.run(['push', 'com.example.app'])).code, 0);
  await host.run(['trust', 'add', './config/keys/alice.pub', '--name', 'Alice', '--prefix', 'com.example.']);
  return { base, publisher, host };
}

async function writeShellApp(folder: string): Promise<void> {
  await mkdir(join(folder, 'app'));
  await copyFile(findProgram('busybox') ?? '', join(folder, 'app/busybox'));
  await writeFile(
    join(folder, 'app/img.yaml'),
    'name: com.example.app\nversion: 1.0.0\nos: scratch\nfiles: [{from: busybox, to: /bin/busybox, mode: "0755"}]\n' +
      'run: {entrypoint: [/bin/busybox], cmd: [echo, hello]}\n',
  );
}

function canRun(t: ExecutionContext): boolean {
  return (
    needsRoot(t) && needsTool(t, 'busybox') && (findProgram('crun') !== undefined || needsTool(t, 'runc'))
  );
}

async function leftovers({ folder }: Instance): Promise<readonly string[]> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8'))
    .split('\n')
    .filter((line) => line.includes(folder));
  const containers = await readdir(join(folder, 'run/containers')).catch(() => []);
  return [...mounts, ...containers];
}

test('img run fetches, verifies and starts an image on an empty host, and leaves nothing behind', async (t) => {
  if (!canRun(t)) return;
  const { host } = await prepare(t);
  const first = await host.run(['run', 'com.example.app']);
  t.deepEqual(first, { code: 0, stdout: 'hello\n', stderr: '' });
  t.is((await host.run(['images'])).stdout.split('\n').length, 3);
  const told = await host.run(['run', '--verbose', 'com.example.app']);
  t.is(told.stderr, 'Signed By: Alice (1 of alice for com.example.*) - com.example.app:latest, #1\n');
  const terminal = await typeInto(host, ['run', 'com.example.app'], []);
  t.regex(terminal.shown, /^.*Signed By: .*Alice.* \(1 of alice for com\.example\.\*\).*#1\r\nhello\r\n$/);
  const offline = await host.run(['run', '--pull', 'never', 'com.example.app', 'sh', '-c', 'exit 7']);
  t.is(offline.code, 7);
  t.deepEqual(await leftovers(host), []);
});

test('img run passes input, output, arguments, variables and folders', async (t) => {
  if (!canRun(t)) return;
  const { host } = await prepare(t);
  await mkdir(join(host.folder, 'data'));
  await writeFile(join(host.folder, 'data/file'), 'from the host');
  const sh = (words: string[], script: string, input = '') => {
    return host.run(['run', ...words, 'com.example.app', 'sh', '-c', script], {
      input,
      variables: { GIVEN: 'mine' },
    });
  };
  t.is((await sh(['-i'], 'cat', 'typed\n')).stdout, 'typed\n');
  t.is((await sh([], 'cat', 'typed\n')).stdout, '', 'without -i there is nothing to read');
  t.is((await sh([], 'echo "$0 $@" --json -v >&2')).stderr, 'sh  --json -v\n');
  t.is(
    (await sh(['-e', 'A=1', '-e', 'GIVEN', '-e', 'UNSET'], 'echo $A $GIVEN $UNSET.')).stdout,
    '1 mine .\n',
  );
  t.is((await sh(['-v', './data:/data:ro'], 'cat /data/file')).stdout, 'from the host');
  t.is((await sh(['-u', '1000:1000', '-w', '/tmp'], 'id -u; pwd')).stdout, '1000\n/tmp\n');
});

const refused: readonly [words: string[], code: number, stderr: RegExp, reason: string][] = [
  [['com.example.none'], 4, /has no "latest"/, 'no such image'],
  [
    ['--pull', 'never', 'com.example.app'],
    4,
    /com\.example\.app:latest is not on this host\n {5}hint: fetch it with img pull/,
    'not fetched',
  ],
  [
    ['--insecure', 'all', 'com.example.app'],
    2,
    /"all" is nothing that can be given up; these can: signature, /,
    'everything at once',
  ],
  [['--profile', 'none', 'com.example.app'], 2, /Allowed choices are app, strict, compat/, 'no profile'],
  [
    ['--profile', 'strict', '--net', 'host', 'com.example.app'],
    2,
    /profile strict does not allow the host's network\n {5}hint: /,
    'what the profile does not allow',
  ],
  [
    ['--read-only', '--writable', 'com.example.app'],
    2,
    /'--read-only' cannot be used with option '--writable'/,
    'both at once',
  ],
  [
    ['--insecure', 'device:/dev/none', 'com.example.app'],
    2,
    /"\/dev\/none" does not exist on this host/,
    'no device',
  ],
  [['-v', 'data', 'com.example.app'], 2, /mount "data" should be SOURCE:DESTINATION/, 'a wrong mount'],
  [['-m', 'much', 'com.example.app'], 2, /memory "much" should be a size/, 'a wrong size'],
  [['--cpus', 'all', 'com.example.app'], 2, /should be a number such as 2/, 'a wrong number'],
  [['-t', 'com.example.app'], 1, /a terminal was asked for/, 'no terminal'],
  [['Com.example.app'], 2, /^img: name "Com\.example\.app" should be lower-case/, 'upper case'],
];

for (const [words, wanted, message, reason] of refused) {
  test(`img run ${words.join(' ')} is refused: ${reason}`, async (t) => {
    if (!canRun(t)) return;
    const { host } = await prepare(t);
    const { code, stdout, stderr } = await host.run(['run', ...words]);
    t.is(code, wanted, stderr);
    t.is(stdout, '');
    t.regex(stderr, message);
  });
}

test('img run ends with 3 and the reason for an unsigned image, and starts it only when told to', async (t) => {
  if (!canRun(t)) return;
  const { host } = await prepare(t, { signed: false });
  const { code, stdout, stderr } = await host.run(['run', 'com.example.app']);
  t.is(code, 3);
  t.is(stdout, '');
  t.regex(stderr, /^img: com\.example\.app:latest is not trusted: it has no signature\n {5}hint: /);
  const forPrograms = await host.run(['run', '--json', 'com.example.app']);
  t.like(JSON.parse(forPrograms.stdout), { error: { code: 'NOT_TRUSTED', reason: 'UNSIGNED' } });
  t.is((await host.run(['images'])).stdout, '', 'nothing of it was fetched');
  const insecure = await host.run(['run', '--insecure', 'signature', '-q', 'com.example.app']);
  t.is(insecure.stdout, 'hello\n');
  t.regex(insecure.stderr, /^warning: NOT VERIFIED, as you asked: com\.example\.app:latest is not trusted/);
});

test('img run refuses at the next start, offline too, when trust was taken back or a byte was changed', async (t) => {
  if (!canRun(t)) return;
  const { host } = await prepare(t);
  await host.run(['run', 'com.example.app']);
  const offline = () => host.run(['run', '--pull', 'never', 'com.example.app']);
  await host.run(['trust', 'remove', 'alice']);
  t.is((await offline()).code, 3);
  await host.run(['trust', 'remove', '--prefix', 'com.example.']);
  await host.run(['trust', 'add', './config/keys/alice.pub', '--prefix', 'com.example.']);
  t.is((await offline()).code, 0);
  const layers = join(host.folder, 'host-root/layers');
  const archive = (await readdir(layers)).find((name) => name.endsWith('.tar')) ?? '';
  const bytes = await readFile(join(layers, archive));
  bytes[2000] = (bytes[2000] ?? 0) ^ 1;
  await writeFile(join(layers, archive), bytes);
  const changed = await offline();
  t.is(changed.code, 3, changed.stderr);
  t.regex(changed.stderr, /was changed after it was fetched/);
  const repair = /: img pull (?<reference>\S+)$/m.exec(changed.stderr)?.groups?.['reference'] ?? '';
  t.regex((await host.run(['pull', repair])).stderr, /^layer .* was changed on this host, and is replaced$/m);
  const again = await offline();
  t.is(again.code, 0, again.stderr);
});

test('img run in the place of a shell does not wait for the background jobs of the shell', async (t) => {
  if (!canRun(t) || !needsTool(t, 'runc')) return;
  const { host } = await prepare(t);
  const shell = 'sleep 600 <&- >&- 2>&- & echo $!; exec "$@"';
  const words = ['-c', shell, 'sh', process.execPath, programPath, 'run', 'com.example.app'];
  const child = spawn('sh', words, {
    cwd: host.folder,
    env: host.variables,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [stdout] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  const [job = '', ...lines] = stdout.split('\n');
  t.teardown(() => process.kill(Number(job), 'SIGKILL'));
  t.deepEqual(lines, ['hello', '']);
  t.not(identifyProcess(Number(job)), undefined);
});

test('img ps shows what runs and who signed it, and img run passes on signals', async (t) => {
  if (!canRun(t)) return;
  const { host } = await prepare(t);
  const { child } = await startForEver(t, host);
  const { stdout } = await host.run(['ps']);
  t.regex(
    stdout,
    /^ID +NAME +IMAGE +SIGNED BY +PROFILE +PID +STARTED\n[0-9a-f]{16} +com\.example\.app:latest +Alice +app +\d+ +/,
  );
  t.like((JSON.parse((await host.run(['ps', '--json'])).stdout) as object[])[0], {
    signers: ['Alice'],
    insecure: [],
  });
  t.regex(
    (await host.run(['rm', 'com.example.app'])).stderr,
    /^container [0-9a-f]{16} runs on, and keeps its/m,
  );
  child.kill('SIGTERM');
  t.is((await once(child, 'exit'))[0], 9);
  t.is((await host.run(['ps'])).stdout, '');
  const planned = await host.run(['gc', '--dry-run']);
  t.regex(planned.stderr, /^[1-9]\d* pieces of content would be removed, [\d.]+ [kM]B$/m);
  const collected = await host.run(['gc']);
  t.regex(collected.stderr, /^removed [1-9]\d* pieces of content$/m);
  t.deepEqual(collected.stdout.split('\n').sort(), planned.stdout.split('\n').sort());
  t.regex((await host.run(['gc', '-n'])).stderr, /^0 pieces of content would be removed, 0 B$/m);
  t.deepEqual(await leftovers(host), []);
});

const everyCommand: readonly (readonly string[])[] = [
  ['ps'],
  ['gc'],
  ['images'],
  ['inspect', 'com.example.app'],
  ['verify', 'com.example.app'],
  ['tag', 'com.example.app', 'com.example.app:other'],
  ['rm', 'com.example.app'],
  ['pull', 'com.example.app'],
  ['run', 'com.example.app'],
];

test('every command ends and removes what is left of a container whose runtime was killed', async (t) => {
  if (!canRun(t)) return;
  const { host } = await prepare(t);
  for (const words of everyCommand) {
    const { child, id, pid } = await startForEver(t, host);
    child.kill('SIGKILL');
    await once(child, 'exit');
    t.deepEqual(await leftovers(host), [id]);
    const { code, stderr } = await host.run(['--verbose', ...words]);
    t.is(code, 0, `${words}: ${stderr}`);
    if (words[0] !== 'run') t.regex(stderr, new RegExp(`^removed what was left of container ${id}$`, 'm'));
    t.deepEqual(await leftovers(host), []);
    t.is(identifyProcess(pid), undefined, `img ${words}`);
  }
});

/** Starts an app that would run for ever; ready when it is listed. */
async function startForEver(t: ExecutionContext, host: Instance) {
  const script = 'trap "exit 9" TERM; echo up; while :; do sleep 1; done';
  const child = spawn(process.execPath, [programPath, 'run', 'com.example.app', 'sh', '-c', script], {
    cwd: host.folder,
    env: host.variables,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  for (;;) {
    const [running] = JSON.parse((await host.run(['ps', '--json'])).stdout) as {
      readonly id: string;
      readonly pid: number | null;
    }[];
    if (running === undefined) throw new Error('it has ended');
    // The runtime may say it only after the app has begun.
    if (typeof running.pid === 'number') return { child, id: running.id, pid: running.pid };
  }
}
