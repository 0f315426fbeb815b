import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import type { AppDefinition } from '../apps/app-definition.ts';
import { parseAppName } from '../apps/app-name.ts';
import { applyUnits, updateUnits } from './own-units.ts';
import { plainValue, quoteWord } from './quote-word.ts';
import { serviceUnit, socketUnit, timerUnit, type UnitContext } from './service-unit.ts';
import { unitControlGroup } from './unit-control-group.ts';

const name = parseAppName('web');
const image = 'registry.example:5000/com.example.web:stable';
const context: UnitContext = {
  name,
  program: ['/usr/bin/node', '/opt/img/bin/img.js'],
  runtime: 'crun',
  forget: ['/usr/bin/crun', '--root', '/run/img/runtimes/crun', 'delete', '--force'],
  pidFile: '/run/img/containers/03affcb1e81f453a/pid',
  store: '/var/lib/img',
  stopSignal: 15,
};

test('serviceUnit() of an app of which only its image is known', (t) => {
  t.is(
    serviceUnit({ image }, context),
    `# Written by img. Changes are kept in drop-ins: systemctl edit img-web.service

[Unit]
Description=registry.example:5000/com.example.web:stable, run by img
RequiresMountsFor=/var/lib/img
StartLimitIntervalSec=0

[Service]
Type=forking
PIDFile=/run/img/containers/03affcb1e81f453a/pid
ExecStart=/usr/bin/node /opt/img/bin/img.js start --in-unit web
ExecStopPost=-/usr/bin/crun --root /run/img/runtimes/crun delete --force 03affcb1e81f453a
TimeoutStartSec=180s
TimeoutStopSec=10s
KillMode=mixed
KillSignal=15
Restart=always
RestartSec=2s
SyslogIdentifier=web
Delegate=yes
DevicePolicy=closed
TasksMax=512

[Install]
WantedBy=multi-user.target
`,
  );
});

for (const [definition, present, absent, reason] of [
  [
    { memory: '1g', cpus: '0.5', pids: 64 },
    ['MemoryMax=1073741824', 'CPUQuota=50%', 'TasksMax=64'],
    [],
    'limits',
  ],
  [{ profile: 'strict' }, ['TasksMax=256'], [], 'the limit of the profile'],
  [
    { insecure: ['device:/dev/fuse', 'seccomp'] },
    ['DevicePolicy=closed', 'DeviceAllow=/dev/fuse rw'],
    [],
    'a device that the app is given',
  ],
  [{ network: 'host' }, ['After=network-online.target', 'Wants=network-online.target'], [], 'the network'],
  [
    { requires: ['db.service'], volumes: ['/srv/a b:/data'] },
    ['Requires=db.service', 'After=db.service', 'RequiresMountsFor=/var/lib/img "/srv/a b"'],
    [],
    'what it needs',
  ],
  [{ sockets: ['80'] }, ['Requires=img-web.socket'], [], 'its sockets'],
  [{ restart: 'no' }, ['Restart=no'], [], 'no restart'],
  [{ healthTimeout: '5m' }, ['TimeoutStartSec=420s'], [], 'the time to become healthy'],
  [
    { notify: true, watchdog: '30s' },
    ['Type=notify', 'NotifyAccess=all', 'WatchdogSec=30s'],
    ['Type=forking', 'PIDFile='],
    'notifications',
  ],
  [
    { schedule: 'daily' },
    ['Type=oneshot', 'TimeoutStartSec=infinity'],
    ['Restart=', 'PIDFile=', '[Install]'],
    'a job, which its timer starts',
  ],
] as readonly (readonly [Partial<AppDefinition>, readonly string[], readonly string[], string])[]) {
  test(`serviceUnit() says ${reason}`, (t) => {
    const lines = serviceUnit({ image, ...definition }, context).split('\n');
    for (const line of present) t.true(lines.includes(line), line);
    for (const start of absent)
      t.false(
        lines.some((line) => line.startsWith(start)),
        start,
      );
  });
}

test('serviceUnit() leaves devices to runc', (t) => {
  t.false(serviceUnit({ image }, { ...context, runtime: 'runc' }).includes('DevicePolicy'));
  const allowed = 'DevicePolicy=closed\nDeviceAllow=/dev/loop-control rw\nDeviceAllow=block-loop r\n';
  t.true(serviceUnit({ image }, { ...context, hasLoopDevices: true }).includes(allowed));
  t.false(serviceUnit({ image }, context).includes('loop'));
});

test('socketUnit() and timerUnit() exist for sockets and jobs only', (t) => {
  t.is(socketUnit({ image }, name), undefined);
  t.is(timerUnit({ image }, name), undefined);
  t.true(
    socketUnit({ image, sockets: ['80', '/run/web.sock'] }, name)?.includes(
      'ListenStream=80\nListenStream=/run/web.sock\n',
    ),
  );
  t.true(
    timerUnit({ image, schedule: 'Mon 04:00' }, name)?.includes('OnCalendar=Mon 04:00\nPersistent=true\n'),
  );
});

for (const [word, quoted, reason] of [
  ['/usr/bin/img', '/usr/bin/img', 'nothing special'],
  ['a b', '"a b"', 'a space'],
  ['', '""', 'nothing'],
  ['100%', '100%%', 'a specifier'],
  ['$HOME', '"$$HOME"', 'a variable'],
  ['a"b\\c', '"a\\"b\\\\c"', 'quotes'],
  ['a\nExecStart=/x', '"a\\x0aExecStart=/x"', 'the end of a line'],
  [';', '";"', 'the next command'],
] as const) {
  test(`quoteWord() of ${JSON.stringify(word)}: ${reason}`, (t) => t.is(quoteWord(word), quoted));
}

test('plainValue() is one line in which nothing is special', (t) => {
  t.is(plainValue('50% of a\nb\x1b[0m'), '50%% of a?b?[0m');
});

test('systemd finds no fault with any unit', (t) => {
  if (!needsTool(t, 'systemd-analyze')) return;
  const folder = join(temporaryFolder(t), 'units');
  mkdirSync(folder);
  const definition: AppDefinition = {
    image,
    sockets: ['8080'],
    notify: true,
    watchdog: '30s',
    memory: '1g',
    cpus: '2',
    network: 'host',
    volumes: ['/tmp/a b:/data'],
  };
  const here = { ...context, program: [process.execPath, "/opt/i m'g/$x.js"], forget: ['/bin/true'] };
  const [timer, service] = updateUnits(here.program);
  const [path, apply, again] = applyUnits(here.program, '/etc/img/apps.d');
  const units: readonly (readonly [string, string | undefined])[] = [
    ['img-web.service', serviceUnit(definition, here)],
    ['img-web.socket', socketUnit(definition, name)],
    ['img-job.service', serviceUnit({ image, schedule: 'daily' }, { ...here, name: parseAppName('job') })],
    ['img-job.timer', timerUnit({ image, schedule: 'daily' }, parseAppName('job'))],
    ...[timer, service, path, apply, again].map((unit) => [unit.name, unit.text] as const),
  ];
  for (const [file, text] of units) writeFileSync(join(folder, file), text ?? '');
  const words = ['verify', '--man=no', '--recursive-errors=no', ...units.map(([file]) => join(folder, file))];
  const program = findProgram('systemd-analyze') ?? '';
  t.notThrows(() => execFileSync(program, words, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' }));
});

for (const [text, group, reason] of [
  ['0::/system.slice/img-web.service\n', '/system.slice/img-web.service', 'the unified hierarchy'],
  [
    '2:cpu:/\n1:name=systemd:/system.slice/img-web.service\n0::/\n',
    '/system.slice/img-web.service',
    "systemd's own, where there are several",
  ],
  ['0::/user.slice/session-1.scope\n', undefined, 'no service'],
  ['', undefined, 'none'],
] as const) {
  test(`unitControlGroup() of ${reason}`, (t) => {
    if (group !== undefined) t.is(unitControlGroup(text), group);
    else t.throws(() => unitControlGroup(text), { code: 'HOST_UNSUPPORTED' });
  });
}
