import { constants } from 'node:os';
import test from 'ava';
import { RuntimeError } from '../runtime-error.ts';
import { annotationsOf } from './annotations.ts';
import { parseByteSize } from './byte-size.ts';
import { parseHostname } from './hostname.ts';
import { processLimits } from './process-limits.ts';
import { resourcesOf } from './resources.ts';
import { parseSecret } from './secret.ts';
import { parseStopSignal } from './stop-signal.ts';
import { image } from './testing.ts';
import { parseWorkingDir } from './working-dir.ts';

for (const [text, expected, reason] of [
  ['', '/', 'empty is the root'],
  ['/', '/', 'the root'],
  ['/app', '/app', 'as it is'],
  ['//app/./x//', '/app/x', 'doubled slashes and dots say nothing'],
  ['/processes', '/processes', 'only whole names are the kernel’s'],
  ['/a..b/...', '/a..b/...', 'dots inside of names are names'],
] as const) {
  test(`parseWorkingDir() of ${JSON.stringify(text)}: ${reason}`, (t) => {
    t.is(parseWorkingDir(text), expected);
  });
}

for (const [text, reason] of [
  ['/proc/self/fd/7', 'a folder of the host that a runtime holds open (CVE-2024-21626)'],
  ['//proc/./self/fd/7', 'the same in another spelling'],
  ['/proc', "the kernel's file system itself"],
  ['/dev/fd/8', 'another name of /proc/self/fd'],
  ['/sys/fs/cgroup', 'control groups'],
  ['app', 'relative to nothing'],
  ['/app/../proc/self/fd/7', '".." before the kernel’s'],
  ['/app/..', '".." depends on links'],
  ['/a\0b', 'a NUL'],
  [`/${'a'.repeat(5000)}`, 'longer than any path'],
] as const) {
  test(`parseWorkingDir() refuses ${reason}`, (t) => {
    t.throws(() => parseWorkingDir(text), { instanceOf: RuntimeError, code: 'WORKING_DIR_INVALID' });
  });
}

for (const [text, expected, reason] of [
  [undefined, constants.signals.SIGTERM, 'SIGTERM if the image says nothing'],
  ['', constants.signals.SIGTERM, 'SIGTERM if the image says nothing'],
  ['SIGQUIT', constants.signals.SIGQUIT, 'by name'],
  ['QUIT', constants.signals.SIGQUIT, 'without SIG'],
  ['sigint', constants.signals.SIGINT, 'in lower case'],
  ['9', 9, 'by number'],
  ['64', 64, 'the last number'],
  ['SIGRTMIN', 34, 'the first real-time signal that programs see'],
  ['SIGRTMIN+3', 37, "systemd's halt"],
  ['RTMIN+4', 38, 'without SIG'],
  ['SIGRTMAX', 64, 'the last real-time signal'],
  ['SIGRTMAX-14', 50, 'from the end'],
] as const) {
  test(`parseStopSignal() of ${text}: ${reason}`, (t) => {
    t.is(parseStopSignal(text), expected);
  });
}

for (const text of [
  'SIGNOPE',
  '0',
  '65',
  '-9',
  '15 ',
  'SIGRTMIN+31',
  'SIGRTMAX-31',
  'SIGRTMIN-1',
  'toString',
  'SIG',
]) {
  test(`parseStopSignal() refuses ${JSON.stringify(text)}`, (t) => {
    t.throws(() => parseStopSignal(text), { code: 'SIGNAL_UNKNOWN' });
  });
}

for (const [text, expected] of [
  ['1', 1],
  ['64k', 65_536],
  ['512M', 536_870_912],
  ['1.5g', 1_610_612_736],
  ['2GiB', 2_147_483_648],
  ['10b', 10],
] as const) {
  test(`parseByteSize() of ${text}`, (t) => {
    t.is(parseByteSize(text, 'memory'), expected);
  });
}

for (const text of [
  '',
  '0',
  '-1',
  '1t',
  '1e3',
  '0x10',
  ' 1',
  '1 m',
  '0.0001',
  'm',
  '9999999999999',
  '999999999999g',
]) {
  test(`parseByteSize() refuses ${JSON.stringify(text)}`, (t) => {
    t.throws(() => parseByteSize(text, 'memory'), { code: 'LIMIT_INVALID', message: /^memory "/ });
  });
}

for (const text of ['app', 'a', 'web-1.example', 'A'.repeat(64)]) {
  test(`parseHostname() accepts ${text}`, (t) => {
    t.is(parseHostname(text), text);
  });
}

for (const text of ['', '-a', 'a-', 'a..b', 'a b', 'a\n127.0.0.1 bank', 'ä', 'A'.repeat(65), '.']) {
  test(`parseHostname() refuses ${JSON.stringify(text)}`, (t) => {
    t.throws(() => parseHostname(text), { code: 'HOSTNAME_INVALID' });
  });
}

const limitsText = (hard: string) =>
  `Limit                     Soft Limit           Hard Limit           Units\nMax processes             100                  100                  processes\nMax open files            1024                 ${hard}               files\n`;

for (const [hard, expected, reason] of [
  ['1048576', { soft: 1024, hard: 524_288 }, 'the usual hard limit where the host allows more'],
  [
    '20000',
    { soft: 1024, hard: 20_000 },
    'never above the own hard limit, which takes a capability to raise',
  ],
  ['512', { soft: 512, hard: 512 }, 'the soft limit is never above the hard one'],
  ['unlimited', { soft: 1024, hard: 524_288 }, 'no limit at all'],
] as const) {
  test(`processLimits() with a hard limit of ${hard}: ${reason}`, (t) => {
    t.deepEqual(processLimits(limitsText(hard)), [{ type: 'RLIMIT_NOFILE', ...expected }]);
  });
}

test('processLimits() limits the processes of a user, never above what this process may have', (t) => {
  const line = (most: string) =>
    `Max processes             ${most}            ${most}            processes\n`;
  const [unlimited, few] = [line('unlimited'), line('100')];
  const limit = { type: 'RLIMIT_NPROC', soft: 512, hard: 512 };
  t.deepEqual(processLimits(unlimited, { processes: 512 })[1], limit);
  t.deepEqual(processLimits(few, { processes: 512 })[1], { ...limit, soft: 100, hard: 100 });
});

const all = new Set(['cpu', 'memory', 'pids'] as const);

const defaults = { pids: 512, devices: [] };

test('resourcesOf() denies devices and limits processes by default', (t) => {
  t.deepEqual(resourcesOf({}, all, defaults), {
    devices: [{ allow: false, access: 'rwm' }],
    pids: { limit: 512 },
  });
});

test('resourcesOf() turns processors into a quota', (t) => {
  t.deepEqual(resourcesOf({ cpus: 1.5, memoryBytes: 2 ** 30, pids: 7 }, all, defaults), {
    devices: [{ allow: false, access: 'rwm' }],
    memory: { limit: 2 ** 30 },
    cpu: { quota: 150_000, period: 100_000 },
    pids: { limit: 7 },
  });
});

test('resourcesOf() refuses a limit that the host cannot set, but does without the default one', (t) => {
  t.deepEqual(resourcesOf({}, new Set(), defaults), { devices: [{ allow: false, access: 'rwm' }] });
  for (const options of [{ memoryBytes: 2 ** 30 }, { cpus: 1 }, { pids: 5 }]) {
    t.throws(() => resourcesOf(options, new Set(), defaults), { code: 'HOST_UNSUPPORTED' });
  }
});

for (const [options, reason] of [
  [{ memoryBytes: 1000 }, 'too little for any runtime'],
  [{ memoryBytes: 2 ** 60 }, 'not exact in a double'],
  [{ memoryBytes: Number.NaN }, 'no number'],
  [{ cpus: 0.001 }, 'below the least quota of the kernel'],
  [{ cpus: Number.POSITIVE_INFINITY }, 'no number'],
  [{ cpus: -1 }, 'negative means unlimited to the kernel'],
  [{ pids: 0 }, 'nothing could start'],
  [{ pids: 1.5 }, 'no whole number'],
] as const) {
  test(`resourcesOf() refuses ${JSON.stringify(options)}: ${reason}`, (t) => {
    t.throws(() => resourcesOf(options, all, defaults), { code: 'LIMIT_INVALID' });
  });
}

test('annotationsOf() names the fields of the image', (t) => {
  const annotations = annotationsOf(
    image({
      config: { exposedPorts: ['80/tcp', '443'], stopSignal: 'SIGQUIT', labels: { own: 'label' } },
      platform: { os: 'linux', architecture: 'arm', variant: 'v7', osVersion: '1', osFeatures: ['a', 'b'] },
      author: 'Alice',
      created: '2026-01-01T00:00:00Z',
    }),
  );
  const prefix = 'org.opencontainers.image.';
  t.deepEqual(annotations, {
    [`${prefix}os`]: 'linux',
    [`${prefix}architecture`]: 'arm',
    [`${prefix}variant`]: 'v7',
    [`${prefix}os.version`]: '1',
    [`${prefix}os.features`]: 'a,b',
    [`${prefix}author`]: 'Alice',
    [`${prefix}created`]: '2026-01-01T00:00:00Z',
    [`${prefix}stopSignal`]: 'SIGQUIT',
    [`${prefix}exposedPorts`]: '80/tcp,443',
    own: 'label',
  });
});

test('annotationsOf() lets a label win over the field', (t) => {
  const labels = { 'org.opencontainers.image.stopSignal': 'mine' };
  const annotations = annotationsOf(image({ config: { stopSignal: 'SIGINT', labels } }));
  t.is(annotations['org.opencontainers.image.stopSignal'], 'mine');
});

test('annotationsOf() keeps out labels that a runtime takes as orders', (t) => {
  const labels = {
    'run.oci.seccomp_bpf_data': 'AAAA',
    'run.oci.hooks.stdout': '/etc/cron.d/x',
    'Run.OCI.handler': 'wasm',
    'org.systemd.property.ExecStart': 'x',
    'org.criu.config': '/x',
    'module.wasm.image/variant': 'compat',
    '': 'nameless',
    'run.ocicat': 'stays',
  };
  const annotations = annotationsOf(image({ config: { labels } }));
  t.deepEqual(
    Object.keys(annotations).filter((key) => !key.startsWith('org.opencontainers.')),
    ['run.ocicat'],
  );
});

for (const [text, credentials, wanted, reason] of [
  ['db=pass', undefined, { name: 'db', source: '/here/pass' }, 'relative to the folder'],
  ['db=/etc/p=q', undefined, { name: 'db', source: '/etc/p=q' }, 'the first = counts'],
  ['db', '/run/credentials/x', { name: 'db', source: '/run/credentials/x/db' }, 'a credential of systemd'],
  ['db', undefined, undefined, 'no credentials'],
  ['db=', '/run/credentials/x', undefined, 'no file'],
  ['../db=x', undefined, undefined, 'a name that leads elsewhere'],
  ['.db=x', undefined, undefined, 'a hidden name'],
  ['=x', undefined, undefined, 'no name'],
] as const) {
  test(`parseSecret() of ${text}: ${reason}`, (t) => {
    if (wanted !== undefined) t.deepEqual(parseSecret(text, '/here', credentials), wanted);
    else t.throws(() => parseSecret(text, '/here', credentials), { code: 'SECRET_INVALID' });
  });
}
