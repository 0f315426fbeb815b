import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { readControlGroups } from '../state/control-groups.ts';
import {
  afterEnd,
  assertNothingLeft,
  eachLauncher,
  firstLine,
  run,
  start,
  theContainer,
} from '../testing/launch-harness.ts';

eachLauncher('the exit code is the app’s, and nothing is left', async (t, runtime) => {
  const { code, stderr, runFolder } = await run(t, runtime, 'exit 7');
  t.is(code, 7, stderr);
  assertNothingLeft(t, runFolder);
});

eachLauncher('a signal reaches the app, whose answer is the exit code', async (t, runtime) => {
  const { child, state, runFolder } = start(
    t,
    runtime,
    'trap "exit 42" TERM; echo ready; while :; do sleep 1; done',
  );
  t.is(await firstLine(child), 'ready');
  const container = await theContainer(state);
  t.is(child.pid, container.supervisor.pid, 'the runtime has taken the place of img');
  t.like(container, { reference: 'test/app:1', signers: ['Alice'], runtime, stopSignal: 15 });
  t.is(readFileSync(`/proc/${container.pid}/comm`, 'utf8').trim(), 'sh');
  child.kill('SIGTERM');
  t.deepEqual(await once(child, 'close'), [42, null]);
  await afterEnd(state, runtime);
  assertNothingLeft(t, runFolder, [container.id]);
});

eachLauncher(
  'the app has no new privileges, the filter, few capabilities and default signals',
  async (t, runtime) => {
    const { stdout } = await run(t, runtime, '', {
      image: { config: { cmd: ['cat', '/proc/self/status'] } },
    });
    const status = new Map(stdout.split('\n').map((line) => line.split(':\t') as [string, string]));
    t.is(status.get('NoNewPrivs'), '1');
    t.is(status.get('Seccomp'), '2');
    t.is(status.get('CapBnd'), '00000000800405fb');
    t.is(status.get('CapEff'), '00000000800405fb');
    t.is(status.get('CapInh'), '0000000000000000');
    t.is(status.get('CapAmb'), '0000000000000000');
    t.is(status.get('SigIgn'), '0000000000000000', 'whatever Node or the caller ignores');
    t.is(status.get('SigBlk'), '0000000000000000');
  },
);

eachLauncher(
  'a user that is not root has no capability at all, and may serve port 80',
  async (t, runtime) => {
    const { stdout, code } = await run(
      t,
      runtime,
      'id; grep Cap /proc/self/status; nc -l -p 80 -e true & sleep 0; nc -w 1 127.0.0.1 80 </dev/null; echo',
      {
        image: { config: { user: 'app' } },
        files: {
          'etc/passwd': 'app:x:1000:1001::/home/app:\n',
          'etc/group': 'app:x:1001:\nvideo:x:44:app\n',
        },
      },
    );
    t.is(code, 0);
    t.regex(stdout, /^uid=1000\(app\) gid=1001\(app\) groups=44\(video\)/);
    t.is(stdout.match(/Cap\w+:\t0000000000000000/g)?.length, 5);
    t.notRegex(stdout, /Permission denied/);
  },
);

eachLauncher('an image with nothing but one program runs', async (t, runtime) => {
  const { lines, code, stderr } = await run(t, runtime, 'pwd; ls /; cat /etc/hosts /etc/hostname', {
    image: { config: { workingDir: '/not/there' } },
    options: { hostname: 'web' },
  });
  t.is(code, 0, stderr);
  t.deepEqual(lines, [
    '/not/there',
    ...['bin', 'dev', 'etc', 'not', 'proc', 'run', 'sys', 'tmp'],
    ...(runtime === 'nspawn' ? ['usr', 'var'] : ['var']),
    '127.0.0.1 localhost web',
    '::1 localhost ip6-localhost ip6-loopback web',
    'web',
  ]);
});

eachLauncher('the tree is read-only, only the usual folders can be written', async (t, runtime) => {
  const { stdout, tree } = await run(
    t,
    runtime,
    'for d in / /bin /etc /var /usr/share /tmp /run /var/tmp /dev/shm; do touch $d/x 2>/dev/null && echo $d; done; stat -c "%a %n" /tmp /var/tmp /run /usr/share; cat /usr/share/file',
    {
      files: { 'usr/share/file': 'content' },
      prepare: (folder) => chmodSync(join(folder, 'usr/share'), 0o2750),
    },
  );
  t.is(
    stdout,
    '/tmp\n/run\n/var/tmp\n/dev/shm\n1777 /tmp\n1777 /var/tmp\n755 /run\n2750 /usr/share\ncontent',
  );
  t.deepEqual(readdirSync(tree).toSorted(), ['bin', 'usr'], 'the tree itself is untouched');
});

for (const isWritable of [false, true]) {
  const kind = isWritable ? 'a writable' : 'a read-only';
  eachLauncher(
    `${kind} root heeds neither devices nor set-user-ID files of the image`,
    async (t, runtime) => {
      const { stdout, stderr } = await run(
        t,
        runtime,
        'grep " / / " /proc/self/mountinfo; cat /null /dev/null; touch /new && echo new',
        {
          options: { isWritable },
          // A device that every control group allows, so that only the mount is in the way.
          prepare: (tree) => execFileSync('mknod', ['-m', '666', join(tree, 'null'), 'c', '1', '3']),
        },
      );
      const access = isWritable ? 'rw' : 'ro';
      t.regex(
        stdout,
        new RegExp(`^\\d+ \\d+ \\S+ / / ${access},nosuid,nodev,\\S+ (?:shared:\\d+ )?- overlay `),
      );
      t.regex(stderr, /can't open '\/null': Permission denied/);
      t.is(stdout.includes('\nnew\n'), isWritable);
    },
  );
}

eachLauncher(
  'the folders that the tree shares with generated files keep their attributes',
  async (t, runtime) => {
    const { lines } = await run(t, runtime, 'stat -c "%a %u %g %Y %n" / /etc; readlink /etc/resolv.conf', {
      files: { 'etc/hosts': 'of the image', 'etc/resolv.conf': { link: '/run/systemd/resolv.conf' } },
      prepare: (folder) => {
        chmodSync(join(folder, 'etc'), 0o711);
        execFileSync('chown', ['12:34', join(folder, 'etc')]);
        execFileSync('touch', ['-d', '@86400', join(folder, 'etc'), folder]);
      },
    });
    t.regex(lines[0] ?? '', /^7\d\d 0 0 86400 \/$/);
    t.deepEqual(lines.slice(1), ['711 12 34 86400 /etc', '/run/systemd/resolv.conf']);
  },
);

eachLauncher('folders that the app may write begin with what the image has in them', async (t, runtime) => {
  const { lines, tree } = await run(
    t,
    runtime,
    'cat /run/app/pid /data/seed; stat -c "%a %u" /data /empty; echo new > /data/seed; cat /data/seed; touch /empty/x && echo written',
    {
      image: { config: { volumes: ['/data', '/empty'] } },
      files: { 'run/app/pid': '1\n', 'data/seed': 'old\n' },
      prepare: (folder) => {
        chmodSync(join(folder, 'data'), 0o750);
        execFileSync('chown', ['7', join(folder, 'data')]);
        mkdirSync(join(folder, 'empty'));
        chmodSync(join(folder, 'empty'), 0o700);
        execFileSync('chown', ['8', join(folder, 'empty')]);
      },
    },
  );
  t.deepEqual(lines, ['1', 'old', '750 7', '700 8', 'new', 'written']);
  t.is(readFileSync(join(tree, 'data/seed'), 'utf8'), 'old\n');
});

eachLauncher('mounts of the caller follow links of the image, but not out of it', async (t, runtime) => {
  const host = temporaryFolder(t);
  writeFileSync(join(host, 'file'), 'from the host\n');
  const { lines, stderr } = await run(
    t,
    runtime,
    'cat /run/a/file /out/file /etc/one; touch /var/run/a/no 2>/dev/null || echo read-only; touch /out/yes',
    {
      files: { 'var/run': { link: '../run' }, out: { link: '../../../../target' }, 'target/x': '' },
      options: {
        mounts: [
          { kind: 'bind', source: host, destination: '/var/run/a', readOnly: true },
          { kind: 'bind', source: host, destination: '/out', readOnly: false },
          { kind: 'bind', source: join(host, 'file'), destination: '/etc/one', readOnly: true },
        ],
      },
    },
  );
  t.deepEqual(lines, ['from the host', 'from the host', 'from the host', 'read-only'], stderr);
  t.true(existsSync(join(host, 'yes')));
});

eachLauncher('the whole tree can be made writable, for as long as the container runs', async (t, runtime) => {
  const { stdout, tree } = await run(t, runtime, 'echo x > /bin/new && cat /bin/new; stat -c "%a" /', {
    options: { isWritable: true },
    prepare: (folder) => chmodSync(folder, 0o751),
  });
  t.is(stdout, 'x\n751\n');
  t.false(existsSync(join(tree, 'bin/new')));
});

eachLauncher(
  'without a network there is the loopback only, with the host’s it is the host’s',
  async (t, runtime) => {
    const none = await run(t, runtime, 'readlink /proc/self/ns/net; ip -o link | wc -l; cat /etc/hosts');
    t.not(none.lines[0], execFileSync('readlink', ['/proc/self/ns/net'], { encoding: 'utf8' }).trim());
    t.is(none.lines[1], '1');
    const host = await run(t, runtime, 'readlink /proc/self/ns/net; cat /etc/hosts', {
      options: { network: 'host' },
    });
    t.is(host.lines[0], execFileSync('readlink', ['/proc/self/ns/net'], { encoding: 'utf8' }).trim());
    t.true(host.stdout.includes(readFileSync('/etc/hosts', 'utf8')));
  },
);

eachLauncher('limits are set on the control group, and gone with it', async (t, runtime) => {
  const { child, state, runFolder } = start(t, runtime, 'echo ready; cat >/dev/null', {
    options: { memoryBytes: 64 * 1024 * 1024, pids: 33, isInteractive: true },
  });
  t.is(await firstLine(child), 'ready');
  const { id } = await theContainer(state);
  const limits = readControlGroups().roots.flatMap((root) =>
    ['memory.limit_in_bytes', 'memory.max', 'pids.max']
      .map((name) => join(root, `img-${id}`, name))
      .filter((path) => existsSync(path))
      .map((path) => readFileSync(path, 'utf8').trim()),
  );
  t.true(limits.includes('67108864') && limits.includes('33'), limits.join());
  child.stdin?.end();
  t.deepEqual(
    await once(child, 'close'),
    [0, null],
    'an interactive app reads the caller’s input to its end',
  );
  await afterEnd(state, runtime);
  assertNothingLeft(t, runFolder, [id]);
});

eachLauncher('an app that is not interactive reads nothing', async (t, runtime) => {
  const { child } = start(t, runtime, 'cat; echo end');
  t.is(await firstLine(child), 'end');
  await once(child, 'close');
});

eachLauncher('a label of the image gives the runtime no orders', async (t, runtime) => {
  const target = join(temporaryFolder(t), 'written-by-the-runtime');
  const { stdout } = await run(t, runtime, 'grep Seccomp: /proc/self/status', {
    image: {
      config: {
        labels: {
          'run.oci.hooks.stdout': target,
          'run.oci.seccomp_bpf_data': Buffer.alloc(8).toString('base64'),
        },
      },
    },
  });
  t.is(stdout.trim(), 'Seccomp:\t2');
  t.false(existsSync(target));
});

eachLauncher('secrets are files in memory that only the user of the app can read', async (t, runtime) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'db'), 'hush');
  const { lines, stderr, runFolder } = await run(
    t,
    runtime,
    'cd /run/secrets; stat -c "%a %u %g %n" . db key; cat db key; echo; touch x 2>/dev/null || echo no; env; find / -xdev -name config.json',
    {
      options: {
        user: '7:8',
        secrets: [
          { name: 'db', source: join(folder, 'db') },
          { name: 'key', source: join(folder, 'db') },
        ],
      },
    },
  );
  t.deepEqual(lines.slice(0, 5), ['755 0 0 .', '400 7 8 db', '400 7 8 key', 'hushhush', 'no'], stderr);
  t.false(lines.slice(5).join().includes('hush'));
  assertNothingLeft(t, runFolder);
});
