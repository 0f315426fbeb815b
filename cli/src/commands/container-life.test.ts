import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { tarArchive } from '@img/runtime/testing/tar-bytes';
import { needsTool } from '@img/sign/testing/needs';
import test from 'ava';
import {
  canRunContainers,
  containerHost,
  shellImage,
  startWords,
  untilTerm,
  untilUp,
} from '../testing/container-host.ts';
import { type Instance, newInstance, programPath } from '../testing/run-img.ts';

test('img inspect of a container shows all that this host knows of it, and no value unless asked', async (t) => {
  if (!canRunContainers(t)) return;
  const { run, folder } = await containerHost(t);
  await writeFile(join(folder, 'password'), 'hush');
  const settings = [
    '-e',
    'TOKEN=hush',
    '-m',
    '64m',
    '--cpus',
    '0.5',
    '--tmpfs',
    '/scratch:size=1m',
    '-w',
    '/tmp',
  ];
  const mounts = ['--secret', 'db=password', '-v', './app:/data:ro', '-u', '7:8', '--hostname', 'web.test'];
  const started = await run([...startWords, '--name', 'web', ...settings, ...mounts, shellImage, untilTerm]);
  const id = started.stdout.trim();
  const shown = await run(['inspect', id.slice(0, 9)]);
  t.is(shown.code, 0, shown.stderr);
  for (const line of [
    new RegExp(
      `^id +${id}\nname +web\nstate +running, started .* \\(2.*Z\\)\nimage +.*/com\\.example\\.app:latest$`,
      'm',
    ),
    /^digest +sha256:[0-9a-f]{64}\nsigned by +NOT VERIFIED\nprofile +app\ninsecure +signature\ncommand +\["\/bin\/busybox","sh","-c","trap /m,
    /^user +7:8\nfolder +\/tmp\nvariable +PATH\nvariable +TOKEN\nvariable +HOME$/m,
    /^host name +web\.test\nnetwork +none\n/m,
    new RegExp(`^mount +/data +${folder}/app, read-only$`, 'm'),
    /^mount +\/scratch +1\.0 MB of memory$/m,
    /^secret +db\ntree +read-only\nmemory +67\.1 MB at most\nprocessors +0\.5 at most\nprocesses +512 at most$/m,
    /^process +\d+\nsupervisor +\d+\ncgroup +img-[0-9a-f]{16}\nlog +\/.*\/log$/m,
  ]) {
    t.regex(shown.stdout, line);
  }
  t.notRegex(shown.stdout, /hush/);
  t.regex((await run(['inspect', '--env', 'web'])).stdout, /^variable +TOKEN=hush$/m);
  const running = JSON.parse((await run(['inspect', '--json', 'web'])).stdout);
  t.like(running, {
    id,
    name: 'web',
    state: 'running',
    environment: ['PATH', 'TOKEN', 'HOME'],
    secrets: ['db'],
  });
  t.like(running, {
    trust: { signers: [], rule: null },
    profile: 'app',
    insecure: ['signature'],
    exitCode: null,
    network: 'none',
  });
  await untilUp({ run }, 'web');
  await run(['stop', '--time', '600', 'web']);
  const ended = JSON.parse((await run(['inspect', '--json', 'web'])).stdout);
  t.like(ended, { id, state: 'ended', exitCode: 5, pid: null, controlGroup: null, limits: { cpus: 0.5 } });
  t.regex((await run(['inspect', 'web'])).stdout, /^state +exit code 5, ended .*, started /m);
  t.regex((await run(['inspect', shellImage])).stdout, /^name +com\.example\.app/, 'an image');
  t.is((await run(['inspect', '--env', shellImage])).code, 2, 'it has none of its own');
});

test('img cp takes files into a container and out of it, also as an archive', async (t) => {
  if (!canRunContainers(t)) return;
  const { run, folder } = await containerHost(t);
  await run([...startWords, '--name', 'web', shellImage, untilTerm]);
  await writeFile(join(folder, 'a:file'), 'of the host');
  t.like(await run(['cp', './a:file', 'web:/tmp/b']), { code: 0, stdout: '', stderr: '' });
  t.is((await run(['exec', 'web', '/bin/busybox', 'cat', '/tmp/b'])).stdout, 'of the host');
  t.is((await run(['cp', 'web:/tmp/b', '.'])).code, 0);
  t.is(await readFile(join(folder, 'b'), 'utf8'), 'of the host');
  const archive = (await run(['cp', 'web:tmp/b', '-'])).stdout;
  t.is((await run(['cp', '-', 'web:/run'], { input: archive })).code, 0);
  t.is((await run(['exec', 'web', '/bin/busybox', 'cat', '/run/b'])).stdout, 'of the host');
  for (const [words, code, message, reason] of [
    [
      ['b', 'c'],
      2,
      /^img: neither "b" nor "c" is in a container\n {5}hint: write CONTAINER:PATH/,
      'no container',
    ],
    [['b', 'wbe:/tmp'], 4, /hint: did you mean web\?/, 'an unknown container'],
    [['c', 'web:/tmp'], 4, /^img: "c" does not exist\n/, 'no such file of the host'],
    [['web:/c', '.'], 4, /^img: "web:\/c" does not exist\n/, 'no such file of the container'],
    [
      ['b', 'web:/tmp/c/d'],
      4,
      /^img: "web:\/tmp\/c\/d" does not exist: there is no folder "\/tmp\/c\/"\n/,
      'no such folder',
    ],
    [
      ['b', 'web:/bin/'],
      1,
      /read-only for the app, .*\n {5}hint: writable are \/run, \/tmp, \/var\/tmp\n/,
      'read-only',
    ],
    [['app', 'web:/tmp/b'], 1, /^img: "web:\/tmp\/b" is no folder\n/, 'a folder for a file'],
  ] as const) {
    const refused = await run(['cp', ...words]);
    t.is(refused.code, code, `${reason}: ${refused.stderr}`);
    t.regex(refused.stderr, message, reason);
  }
  await run(['stop', '--time', '0', 'web']);
  t.regex(
    (await run(['cp', 'web:/tmp/b', '.'])).stderr,
    /everything that it wrote: that was in memory\n {5}hint: .*--volume/,
  );
});

test('img cp that is stopped does not wait for the rest of an archive, and leaves nothing of it', async (t) => {
  if (!canRunContainers(t)) return;
  const { run, folder, variables } = await containerHost(t);
  await run([...startWords, '--name', 'web', shellImage, untilTerm]);
  const { pid } = JSON.parse((await run(['inspect', '--json', 'web'])).stdout) as { pid: number };
  const copy = spawn(process.execPath, [programPath, 'cp', '-', 'web:/tmp'], { cwd: folder, env: variables });
  t.teardown(() => copy.kill('SIGKILL'));
  const said = text(copy.stderr);
  const ended = once(copy, 'exit');
  copy.stdin.write(tarArchive({ path: 'file', content: 'x'.repeat(5000) }).subarray(0, 1000));
  const written = () => readdir(`/proc/${pid}/root/tmp`);
  // Nothing tells that it has begun to write but what it writes.
  while ((await written()).length === 0) await delay(20);
  copy.kill('SIGTERM');
  t.deepEqual(await ended, [143, null]);
  t.is(await said, 'img: stopped by SIGTERM\n');
  t.deepEqual(await written(), []);
});

test('img run --health returns when the app is healthy, and ps, inspect and wait ask it again', async (t) => {
  if (!canRunContainers(t)) return;
  const { run } = await containerHost(t);
  const healthy = [
    ...startWords,
    '--name',
    'web',
    '--health',
    'http://:8080/page',
    '--health-timeout',
    '10m',
  ];
  const serve = 'cd /tmp; /bin/busybox sleep 0.2; echo hello >page; exec /bin/busybox httpd -f -p 8080';
  const started = await run([...healthy, shellImage, serve]);
  t.is(started.code, 0, started.stderr);
  await untilSaid(run, ['ps', '--health'], / +HEALTH\n.* +healthy\n$/);
  await untilSaid(
    run,
    ['inspect', '--health', 'web'],
    /^health +http:\/\/:8080\/page\n(?:.*\n)*health now +healthy$/m,
  );
  t.is((await run(['wait', '--condition', 'healthy', 'web'])).stdout, 'web\n');
  await run(['exec', 'web', '/bin/busybox', 'rm', '/tmp/page']);
  const unhealthy = await untilSaid(run, ['ps', '--health', '--json'], /answered/);
  const [asked] = JSON.parse(unhealthy) as { health: object }[];
  const fault = 'port 8080 answered 404';
  t.like(asked?.health, { check: 'http://:8080/page', isHealthy: false, fault });
  const waited = await run(['wait', '--condition', 'healthy', '--timeout', '0', 'web']);
  t.is(waited.code, 1);
  t.regex(
    waited.stderr,
    /^img: container web was not healthy within 0 s: .+\n {5}hint: img logs web shows what it wrote\n$/,
  );
});

/** Asks again until that is said: on a machine with much to do, an answer may take longer than is waited for it. */
async function untilSaid(run: Instance['run'], words: readonly string[], said: RegExp): Promise<string> {
  for (;;) {
    const { stdout } = await run(words);
    if (said.test(stdout)) return stdout;
  }
}

for (const runtime of ['crun', 'runc']) {
  test(`${runtime}: img run --health with a command ends and keeps what is not healthy in time`, async (t) => {
    if (!canRunContainers(t) || !needsTool(t, runtime)) return;
    const { run } = await containerHost(t);
    const check = ['--runtime', runtime, '--health', '/bin/busybox test -e /tmp/ok', '--health-timeout'];
    const good = await run([
      ...startWords,
      '--name',
      'good',
      ...check,
      '1h',
      shellImage,
      `/bin/busybox touch /tmp/ok; ${untilTerm}`,
    ]);
    t.is(good.code, 0, good.stderr);
    // By another command, too.
    await untilSaid(run, ['ps', '--health'], / healthy\n$/);
    const bad = await run([...startWords, '--name', 'bad', ...check, '0', shellImage, untilTerm]);
    t.is(bad.code, 1);
    t.regex(
      bad.stderr,
      /^img: the app was not healthy within 0 s: .+\n {5}hint: img logs bad shows what it wrote\n$/m,
    );
    t.like(JSON.parse((await run(['inspect', '--json', 'bad'])).stdout), { state: 'ended' });
    t.is((await run(['wait', '--condition', 'healthy', 'bad'])).code, 1, 'it has ended');
    const gone = await run([...startWords, ...check, '10m', shellImage, 'exit 3']);
    t.regex(gone.stderr, /^img: the app has ended\n {5}hint: img logs [0-9a-f]{16} shows/m);
  });
}

for (const [words, message, reason] of [
  [
    ['run', '--health', 'tcp://:80', 'x'],
    /not asked for its health\n {5}hint: leave out --health, or let it run on/,
    'in the foreground',
  ],
  [['run', '-d', '--health', 'ftp://:80', 'x'], /health "ftp:\/\/:80" should be http:/, 'no check'],
  [['run', '-d', '--health-timeout', '5s', 'x'], /--health-timeout needs --health/, 'nothing to wait for'],
  [
    ['run', '-d', '--health', 'tcp://:80', '--health-timeout', 'soon', 'x'],
    /--health-timeout "soon" should be a number/,
    'no time',
  ],
  [['wait', '--timeout', '5s', 'x'], /--timeout needs --condition healthy/, 'ends have no time'],
] as const) {
  test(`img ${words.join(' ')} is refused: ${reason}`, async (t) => {
    const { run } = await newInstance(t);
    const refused = await run(words);
    t.is(refused.code, 2, refused.stderr);
    t.regex(refused.stderr, message);
  });
}

test('img exec is refused for what was started in a chroot, where it would arrive outside of that', async (t) => {
  if (!canRunContainers(t)) return;
  const { run, folder, variables } = await containerHost(t);
  const root = join(folder, 'chroot');
  await mkdir(root);
  const start = [process.execPath, programPath, ...startWords, '--name', 'web', shellImage, untilTerm];
  // In a mount namespace of its own, which ends with the container.
  const script = 'root=$1; shift; mount --rbind / "$root" && exec chroot "$root" "$@"';
  const words = ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', root, ...start];
  await promisify(execFile)('unshare', words, { env: variables });
  const refused = await run(['exec', 'web', '/bin/busybox', 'true']);
  t.is(refused.code, 1);
  t.regex(
    refused.stderr,
    /^img: container web was started in a chroot, .*\n {5}hint: start it outside of the chroot/,
  );
  t.is((await run(['rm', '--force', 'web'])).code, 0);
});
