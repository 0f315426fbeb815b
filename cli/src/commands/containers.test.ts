import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
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
import { newInstance, programPath } from '../testing/run-img.ts';
import { typeInto } from '../testing/type-into.ts';

test('img run --detach starts an app, whose life img ps, logs, wait, stop and rm follow', async (t) => {
  if (!canRunContainers(t)) return;
  const { run, folder, variables } = await containerHost(t);
  const started = await run([...startWords, '--name', 'web', shellImage, untilTerm]);
  t.is(started.code, 0, started.stderr);
  const id = started.stdout.trim();
  t.regex(id, /^[0-9a-f]{16}$/);
  t.regex(
    (await run(['ps'])).stdout,
    new RegExp(`^${id} +web +com\\.example\\.app:latest +NOT VERIFIED +app +\\d+`, 'm'),
  );
  const options = { cwd: folder, env: variables };
  const follower = spawn(process.execPath, [programPath, 'logs', '--follow', 'web'], options);
  await Promise.all([once(follower.stdout, 'data'), once(follower.stderr, 'data')]);
  const waiter = spawn(process.execPath, [programPath, 'wait', id.slice(0, 6)], options);
  const [followed, waited] = [text(follower.stdout), text(waiter.stdout)];
  t.is((await run(['logs', 'web'])).stderr, 'problem\n', 'stderr goes to stderr');
  t.regex((await run(['logs', '-t', '-n', '1', '--since', '1h', 'web'])).stderr, /^\d{4}-\S+Z problem\n$/);
  t.is((await run(['rm', 'web'])).code, 1, 'it runs');
  t.is((await run(['stop', '--time', '600', 'web'])).stdout, 'web\n');
  t.is(await followed, 'bye\n', 'what came after the first');
  t.is(await waited, '5\n');
  t.is((await run(['wait', 'web'])).stdout, '5\n', 'also afterwards');
  t.is((await run(['ps'])).stdout, '');
  t.regex((await run(['ps', '-a'])).stdout, /exit 5, /);
  t.like((JSON.parse((await run(['logs', '--json', 'web'])).stdout) as object[])[0], {
    stream: 'stdout',
    text: 'up\n',
  });
  t.like(JSON.parse((await run(['logs', '--json', '--follow', 'web'])).stdout), { error: { code: 'USAGE' } });
  t.is((await run(['kill', 'web'])).code, 1, 'it has ended');
  t.is((await run(['rm', 'web'])).stdout, 'web\n');
  t.is((await run(['ps', '--all'])).stdout, '');
  t.is((await run(['logs', 'web'])).code, 4);
});

test('img run --name refuses a name that is taken, and --replace takes it', async (t) => {
  if (!canRunContainers(t)) return;
  const { run } = await containerHost(t);
  const named = [...startWords, '--name', 'web'];
  const first = (await run([...named, shellImage, untilTerm])).stdout.trim();
  const taken = await run([...named, shellImage]);
  t.is(taken.code, 1);
  t.regex(taken.stderr, /^img: container [0-9a-f]{16} has the name web already\n {5}hint: .*--replace/m);
  const second = await run([...named, '--replace', '--rm', shellImage, untilTerm]);
  t.is(second.code, 0, second.stderr);
  t.not(second.stdout.trim(), first);
  t.deepEqual(
    (JSON.parse((await run(['ps', '-a', '--json'])).stdout) as { id: string }[]).map(({ id }) => id),
    [second.stdout.trim()],
  );
  await untilUp({ run }, 'web');
  t.is((await run(['kill', '--signal', 'TERM', 'web'])).code, 0);
  const { stdout, code } = await run(['wait', 'web']);
  if (code === 0) t.is(stdout, '5\n');
  t.is((await run(['ps', '--all'])).stdout, '', 'with --rm nothing is kept');
});

test('img rm removes nothing if a name means a container and an image', async (t) => {
  if (!canRunContainers(t)) return;
  const { run } = await containerHost(t);
  const id = (await run([...startWords, '--name', shellImage, shellImage])).stdout.trim();
  await run(['wait', id]);
  const { code, stderr } = await run(['rm', shellImage]);
  t.is(code, 2);
  t.is(
    stderr,
    `img: "${shellImage}" is a container and an image\n     hint: img rm ${id} removes the container; write the image with its tag to remove that\n`,
  );
  t.is((await run(['rm', id])).code, 0);
  t.is((await run(['rm', shellImage])).code, 0);
});

for (const runtime of ['crun', 'runc']) {
  test(`${runtime}: img exec runs a command beside the app, with no more rights than it`, async (t) => {
    if (!canRunContainers(t) || !needsTool(t, runtime)) return;
    const instance = await containerHost(t);
    const { run } = instance;
    await run([
      ...startWords,
      '--runtime',
      runtime,
      '--name',
      'web',
      '-e',
      'A=1',
      '-w',
      '/tmp',
      shellImage,
      untilTerm,
    ]);
    const sh = (script: string, words: readonly string[] = [], input = '') =>
      run(['exec', ...words, 'web', '/bin/busybox', 'sh', '-c', script], {
        input,
        variables: { GIVEN: 'mine' },
      });
    const status = 'grep -E "^(CapBnd|CapEff|CapAmb|NoNewPrivs|Seccomp):" /proc/self/status';
    t.is(
      (await sh(status)).stdout,
      'CapEff:\t00000000800405fb\nCapBnd:\t00000000800405fb\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n',
    );
    t.is((await sh('id -u; pwd; echo $A $GIVEN; ls /proc/1/root/bin; exit 9')).code, 9);
    t.is((await sh('id -u; pwd; echo $A; ls /bin')).stdout, '0\n/tmp\n1\nbusybox\n');
    t.is((await sh('echo $A $GIVEN', ['-e', 'A=2', '-e', 'GIVEN'])).stdout, '2 mine\n');
    t.is((await sh('cat', ['-i'], 'typed\n')).stdout, 'typed\n');
    t.is((await sh('cat', [], 'typed\n')).stdout, '', 'without -i there is nothing to read');
    const other = await sh(`id -u; id -g; pwd; ${status} | head -n 1`, ['-u', '7:8', '-w', '/']);
    t.is(other.stdout, '7\n8\n/\nCapEff:\t0000000000000000\n');
    t.regex((await sh('true', ['-u', 'bob'])).stderr, /user "bob" is not in the image's \/etc\/passwd/);
    t.regex((await run(['exec', 'web', 'nope'])).stderr, /nope/);
    t.regex((await run(['exec', '-t', 'web', 'true'])).stderr, /a terminal was asked for/);
    const terminal = await typeInto(instance, ['exec', '-it', 'web', '/bin/busybox', 'tty'], []);
    t.regex(terminal.shown, /\/dev\/(?:pts\/0|console)/);
    await run(['stop', '--time', '0', 'web']);
    t.regex((await sh('true')).stderr, /^img: container web has ended with exit code 137\n {5}hint: /);
  });
}

test('img attach types to an app, shows what it writes, and ends with its exit code', async (t) => {
  if (!canRunContainers(t)) return;
  const { run } = await containerHost(t);
  const script = 'read -r line; echo "got $line"; echo problem >&2; exit 4';
  const started = await run([...startWords, '-i', '--name', 'box', shellImage, script]);
  t.is(started.code, 0, started.stderr);
  const attached = await run(['attach', 'box'], { input: 'hello\n' });
  t.deepEqual(attached, { code: 4, stdout: 'got hello\n', stderr: 'problem\n' });
  t.regex((await run(['attach', 'box'])).stderr, /^img: container box has ended with exit code 4\n/);
});

test('img attach lets go of an app in a terminal, which runs on', async (t) => {
  if (!canRunContainers(t) || !needsTool(t, 'script')) return;
  const instance = await containerHost(t);
  const { run } = instance;
  const script = 'while :; do printf "say: "; /bin/busybox sleep 0.1; done';
  const started = await run([...startWords, '-it', '--name', 'box', shellImage, script]);
  t.is(started.code, 0, started.stderr);
  const { code, shown } = await typeInto(instance, ['attach', 'box'], ['\u0010\u0011']);
  t.is(code, 0, shown);
  t.regex(shown, /let go: box runs on\r\n$/);
  t.regex((await run(['ps'])).stdout, / box /);
});

test('img top and img stats show what a container does', async (t) => {
  if (!canRunContainers(t)) return;
  const { run } = await containerHost(t);
  await run([...startWords, '--name', 'web', '-m', '64m', shellImage, 'while :; do :; done']);
  t.regex(
    (await run(['top', 'web'])).stdout,
    /^ *PID +INSIDE .*\n *\d+ +1 +0 +R .*\/bin\/busybox sh -c while :; do/,
  );
  const [process] = JSON.parse((await run(['top', '--json', 'web'])).stdout) as { cpuSeconds: number }[];
  t.true((process?.cpuSeconds ?? 0) > 0);
  const [usage] = JSON.parse((await run(['stats', '--json'])).stdout) as object[];
  t.like(usage, { name: 'web', pids: 1, memoryLimitBytes: 64 * 1024 * 1024 });
  const { memoryBytes, processors } = usage as { memoryBytes: number; processors: number };
  t.true(memoryBytes > 100_000 && memoryBytes < 64 * 1024 * 1024, `${memoryBytes}`);
  t.true(processors > 0 && processors < 1.5, `${processors}`);
  t.regex(
    (await run(['stats', 'web'])).stdout,
    /^ID +NAME .*\n[0-9a-f]{16} +web +[\d.]+ % .* 67\.1 MB +1\n$/,
  );
  await run(['rm', '-f', 'web']);
  t.is((await run(['stats'])).stdout, '');
});

for (const [words, code, message, reason] of [
  [[...startWords, '--replace', shellImage], 2, /--replace needs --name/, 'no name'],
  [[...startWords, '--name', 'a/b', shellImage], 2, /container name "a\/b" should be/, 'a wrong name'],
  [['stop', 'wbe'], 4, /no container has the name or id "wbe"/, 'an unknown container'],
  [['stop', '--time', 'soon', 'x'], 2, /whole number of seconds/, 'a wrong time'],
  [['kill', '--signal', 'STOPP', 'x'], 2, /"STOPP" should be a name such as/, 'a wrong signal'],
  [['logs', '--since', 'noon', 'x'], 2, /It should be such as 30s/, 'a wrong time'],
  [['rm'], 2, /missing required argument/, 'nothing to remove'],
] as const) {
  test(`img ${words.join(' ')} is refused: ${reason}`, async (t) => {
    const { run } = await newInstance(t);
    const refused = await run(words);
    t.is(refused.code, code, refused.stderr);
    t.regex(refused.stderr, message);
    t.is(refused.stdout, '');
  });
}

test('img doctor says what this host can do, and that nobody is trusted yet', async (t) => {
  const { run } = await newInstance(t);
  const { code, stdout, stderr } = await run(['doctor']);
  t.is(code, 1, stderr);
  t.regex(stdout, /^(?:good|limited|missing) +user +/);
  t.regex(stdout, /^missing {2}trust +nobody is trusted, so every image is refused\n +hint: img trust add/m);
  const findings = JSON.parse((await run(['doctor', '--json'])).stdout) as { subject: string }[];
  t.true(findings.some(({ subject }) => subject === 'control groups'));
});

test('img ps and img doctor show in which profile a container runs, and what was given up', async (t) => {
  if (!canRunContainers(t)) return;
  const { run } = await containerHost(t);
  const options = ['--profile', 'strict', '--insecure', 'capability:kill,seccomp', '--name', 'odd'];
  const started = await run([...startWords, ...options, shellImage, untilTerm]);
  t.is(started.code, 0, started.stderr);
  t.regex((await run(['ps'])).stdout, / +NOT VERIFIED +strict, insecure: capability:KILL seccomp +\d+/);
  t.like((JSON.parse((await run(['ps', '--json'])).stdout) as object[])[0], {
    profile: 'strict',
    insecure: ['signature', 'capability:KILL', 'seccomp'],
  });
  t.regex(
    (await run(['doctor'])).stdout,
    /^limited +containers +1 of 1 run with protections given up: odd \(strict, insecure: capability:KILL seccomp, not verified\)\n +hint: start them again without --insecure$/m,
  );
  t.is((await run(['rm', '--force', 'odd'])).code, 0);
  t.regex((await run(['doctor'])).stdout, /^good +containers +none run$/m);
});

test('img run --secret shows a file to the app, and takes credentials of systemd by name', async (t) => {
  if (!canRunContainers(t)) return;
  const { run, folder } = await containerHost(t);
  await writeFile(join(folder, 'password'), 'hush');
  const words = ['run', '-q', '--pull', 'never', '--insecure', 'signature', '--secret', 'db=password'];
  const shown = await run([...words, '--secret', 'password', shellImage, '/bin/busybox cat /run/secrets/*'], {
    variables: { CREDENTIALS_DIRECTORY: folder },
  });
  t.is(shown.stdout, 'hushhush', shown.stderr);
  const none = await run([...words, '--secret', 'other', shellImage]);
  t.is(none.code, 2);
  t.regex(none.stderr, /secret "other" should be NAME=FILE\n {5}hint: .*CREDENTIALS_DIRECTORY/);
});
