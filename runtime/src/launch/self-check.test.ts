import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findProgram, needsRoot, needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import type { RuntimeConfig } from '@img/spec/runtime-config';
import test, { type ExecutionContext } from 'ava';
import type { RuntimeName } from '../state/container-record.ts';
import { assertNothingLeft, each, run } from '../testing/launch-harness.ts';
import { readMismatch, selfCheck } from './self-check.ts';

/** What a runtime could leave out, as a change of the config that it is given, and what is then said. */
const mistakes: readonly (readonly [title: string, shell: string, said: RegExp])[] = [
  [
    'new privileges',
    `sed -i 's/"noNewPrivileges":true/"noNewPrivileges":false/' "$bundle/config.json"`,
    /it could gain privileges/,
  ],
  [
    'the filter of system calls',
    `sed -i 's/"seccomp":/"other":/' "$bundle/config.json"`,
    /it could make every system call/,
  ],
  [
    'capabilities',
    `sed -i 's/"CAP_CHOWN"/"CAP_CHOWN","CAP_SYS_ADMIN"/g' "$bundle/config.json"`,
    /it had other capabilities \(Cap\w+: 00000000802405fb\)/,
  ],
  [
    'a namespace',
    `sed -i 's/{"type":"ipc"},//' "$bundle/config.json"`,
    /it shared the namespace ipc with the host/,
  ],
  [
    'the control group',
    `sed -i 's#"cgroupsPath":"/img-#"cgroupsPath":"/other-#' "$bundle/config.json"`,
    /it was in another control group/,
  ],
  [
    'how files are mounted',
    `sed -i 's/overlay ro nodev nosuid/overlay rw nodev nosuid/' "$bundle/config.json"`,
    /\/ was mounted ro,nosuid/,
  ],
  [
    'to hide files of the kernel',
    `sed -i 's#"maskedPaths":.*"readonlyPaths"#"maskedPaths":[],"readonlyPaths"#' "$bundle/config.json"`,
    /only \d+ of \d+ mounts were there/,
  ],
  [
    'to make files of the kernel read-only',
    `sed -i 's#"readonlyPaths":.[^]]*.#"readonlyPaths":[]#' "$bundle/config.json"`,
    /only \d+ of \d+ mounts were there/,
  ],
  [
    'an attribute of a mount',
    `sed -i 's#"source":"mqueue","options":."nosuid","noexec","nodev".#"source":"mqueue","options":["nosuid","noexec"]#' "$bundle/config.json"`,
    /\/dev\/mqueue was mounted rw,nosuid,noexec/,
  ],
  [
    'the kind of a mount',
    `sed -i 's#"type":"mqueue","source":"mqueue"#"type":"tmpfs","source":"mqueue"#' "$bundle/config.json"`,
    /\/dev\/mqueue was of the kind tmpfs/,
  ],
  [
    'a limit',
    `sed -i 's/"pids":{"limit":512}/"pids":{"limit":513}/' "$bundle/config.json"`,
    /its limit pids.max was not 512/,
  ],
];

/** A runtime that makes a mistake; the launch finds it before the real one. */
function wrongRuntime(t: ExecutionContext, runtime: RuntimeName, mistake: string): readonly string[] {
  const folder = temporaryFolder(t);
  const script = [
    '#!/bin/sh',
    'for word; do [ "$before" = --bundle ] && bundle=$word; before=$word; done',
    `[ -n "$bundle" ] && ${mistake}`,
    `exec ${findProgram(runtime)} "$@"`,
  ];
  writeFileSync(join(folder, runtime), `${script.join('\n')}\n`, { mode: 0o755 });
  return ['env', `PATH=${folder}:${process.env['PATH']}`];
}

const sleeping = { config: { cmd: ['sleep', '100'] } };

for (const [title, mistake, said] of mistakes) {
  each(`an app is ended if its runtime forgets ${title}`, async (t, runtime) => {
    // It is asked before the app's program begins, and then waits for it to become right: once is enough.
    if (runtime === 'runc' && title !== 'capabilities') {
      t.pass();
      return;
    }
    const errors = join(temporaryFolder(t), 'errors');
    const wrapper = [...wrongRuntime(t, runtime, mistake), 'sh', '-c', 'exec "$@" 2>>"$0"', errors];
    const { code, runFolder } = await run(t, runtime, '', { wrapper, image: sleeping });
    const stderr = readFileSync(errors, 'utf8');
    t.not(code, 0);
    t.regex(stderr, /img: the app was ended, because it was not confined as asked: /);
    t.regex(stderr, said);
    assertNothingLeft(t, runFolder);
  });
}

each('a detached app that is not confined as asked is ended, and the start fails', async (t, runtime) => {
  const [, mistake, said] = mistakes[1] ?? [];
  const wrapper = wrongRuntime(t, runtime, mistake ?? '');
  const { code, stderr, runFolder } = await run(t, runtime, '', {
    wrapper,
    image: sleeping,
    detached: 'kept',
  });
  t.is(code, 70);
  t.regex(stderr, /^RuntimeError RUNTIME_FAILED: .*not.* confine/);
  t.regex(stderr, said ?? /^$/);
  assertNothingLeft(t, runFolder);
});

each('files as standard streams are no mismatch, whether the app reads them or not', async (t, runtime) => {
  const file = join(temporaryFolder(t), 'file');
  const redirected = ': >"$0"; exec "$@" <"$0"';
  for (const [script, options] of [
    [redirected, {}],
    [redirected, { isInteractive: true }],
    [`${redirected} >>"$0"`, {}],
  ] as const) {
    const wrapper = ['sh', '-c', script, file];
    const image = { config: { cmd: ['sleep', '1'] } };
    const { code, stderr } = await run(t, runtime, '', { wrapper, image, options });
    t.deepEqual([code, stderr], [0, '']);
  }
});

each('an app that ends while it is looked at was no mismatch', async (t, runtime) => {
  for (let round = 0; round < 5; round += 1) {
    const { code, stderr } = await run(t, runtime, '', { image: { config: { cmd: ['true'] } } });
    t.is(code, 0, stderr);
    t.is(stderr, '');
  }
});

each('another root that an app takes at once is no mismatch', async (t, runtime) => {
  const { code, stderr } = await run(t, runtime, '', {
    prepare: (tree) => {
      mkdirSync(join(tree, 'inner'));
      linkSync(join(tree, 'bin/busybox'), join(tree, 'inner/sh'));
    },
    image: { config: { cmd: ['busybox', 'chroot', '/inner', '/sh', '-c', 'read -r line; exit 3'] } },
  });
  t.is(code, 3, stderr);
});

const config = {
  process: { args: ['true'], capabilities: { bounding: ['CAP_CHOWN', 'CAP_SYS_ADMIN', 'CAP_NO_SUCH'] } },
  linux: {
    cgroupsPath: '/unit.slice/img-1',
    namespaces: [{ type: 'network' }, { type: 'mount' }],
    maskedPaths: [],
    readonlyPaths: [],
  },
  mounts: [],
} as unknown as RuntimeConfig;

function check(t: ExecutionContext, state: string) {
  const folder = temporaryFolder(t);
  const { path, args } = selfCheck(config, {
    sh: '/bin/sh',
    root: '/',
    isWritable: false,
    limits: [],
    isThere: () => false,
    folder,
  });
  const { status, stderr } = spawnSync(path, args.slice(1), { input: state, encoding: 'utf8' });
  return { status, stderr, mismatch: readMismatch(folder) };
}

test('selfCheck() kills nothing where the runtime does not say what, and says that', (t) => {
  for (const state of ['', '{}', '{"pid": "1"}', '{"pid":-1}', '{"annotations":{"\\"pid\\":":"1"}}']) {
    const { status, mismatch } = check(t, state);
    t.is(status, 1, state);
    t.is(mismatch, 'the runtime did not say which process it is', state);
  }
});

test('selfCheck() has nothing to say about a process that has ended', (t) => {
  const { pid } = spawnSync('true');
  t.deepEqual(check(t, `{"id":"x","pid":${pid}}`), { status: 0, stderr: '', mismatch: undefined });
  t.deepEqual(check(t, `{\n  "id": "x",\n  "pid": ${pid},\n  "annotations": {"pid": "1"}\n}\n`), {
    status: 0,
    stderr: '',
    mismatch: undefined,
  });
});

test('selfCheck() ends what nobody can look at', async (t) => {
  if (!needsRoot(t) || !needsTool(t, 'setpriv')) return;
  const app = spawn('setpriv', ['--reuid=7', '--regid=7', '--clear-groups', 'sleep', '1000']);
  t.teardown(() => app.kill('SIGKILL'));
  const ended = once(app, 'exit');
  await untilNamed(app.pid ?? 0, 'sleep');
  const folder = temporaryFolder(t);
  const sleeper = { ...config, process: { ...config.process, args: ['sleep'] } };
  const places = { sh: '/bin/sh', root: '/', isWritable: false, limits: [], isThere: () => false, folder };
  const { path, args } = selfCheck(sleeper, places);
  const blind = ['--bounding-set=-sys_ptrace', path, ...args.slice(1)];
  const { status } = spawnSync('setpriv', blind, { input: JSON.stringify({ pid: app.pid }) });
  t.is(status, 1);
  t.deepEqual(await ended, [null, 'SIGKILL']);
  t.is(readMismatch(folder), 'nobody could look at it without CAP_SYS_PTRACE');
});

async function untilNamed(pid: number, name: string): Promise<void> {
  // Nothing tells when a program has taken the place of the one that executes it.
  while (readFileSync(`/proc/${pid}/comm`, 'utf8').trim() !== name) await delay(5);
}

test('readMismatch() shows control characters as such', (t) => {
  const folder = temporaryFolder(t);
  t.is(readMismatch(folder), undefined);
  writeFileSync(join(folder, 'mismatch'), 'a\u001b[2J\n');
  t.is(readMismatch(folder), 'a\\u001b[2J');
});
