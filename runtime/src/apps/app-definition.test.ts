import { parseJson } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import test from 'ava';
import type { AppDefinition } from './app-definition.ts';
import { defaultAppName, parseAppName } from './app-name.ts';
import { appOptions, unitLimits } from './app-options.ts';
import { parseSeconds } from './duration.ts';
import { parseHealthCheck } from './health-check.ts';
import { parseDefinition } from './parse-definition.ts';

const image = 'registry.example:5000/com.example.web:stable';
const parse = (value: object) =>
  parseDefinition(
    new JsonFields(
      parseJson(new TextEncoder().encode(JSON.stringify({ image, ...value })), { maxBytes: 65_536 }),
      'app',
      'CONFIG_INVALID',
    ),
  );

const everything: AppDefinition = {
  image,
  version: '^1.4',
  command: ['serve', '--verbose'],
  entrypoint: '/bin/app',
  environment: ['A=b'],
  volumes: ['/srv:/data:ro'],
  tmpfs: ['/cache:size=1m'],
  secrets: ['token=/etc/token'],
  sockets: ['8080', '/run/web.sock', '127.0.0.1:80'],
  requires: ['postgresql.service'],
  network: 'bridge',
  ports: ['127.0.0.1:8080:80', '0.0.0.0:53:53/udp'],
  user: 'app',
  workdir: '/srv',
  hostname: 'web',
  writable: true,
  memory: '512m',
  cpus: '1.5',
  pids: 100,
  profile: 'compat',
  insecure: ['signature', 'capability:NET_ADMIN'],
  health: 'http://:8080/healthz',
  healthTimeout: '30s',
  restart: 'on-failure',
  notify: true,
  watchdog: '10s',
  update: { policy: 'manual', minAge: '48h', window: 'Sat 02:00-04:00', stable: '5m' },
};

test('parseDefinition() reads everything that a definition can say', (t) => {
  t.deepEqual(parse(everything), everything);
});

for (const [change, message, reason] of [
  [{ image: 'com.example.web' }, /in full/, 'a name that depends on a configuration'],
  [
    { image: `${image}@sha256:${'0'.repeat(64)}`, version: '^1' },
    /one image for ever/,
    'a digest with versions',
  ],
  [{ version: 'newest' }, /version "newest"/, 'no range'],
  [{ volumes: ['srv:/data'] }, /SOURCE:DESTINATION/, 'a relative source'],
  [{ memory: '64m' }, /128m/, 'less than a start takes'],
  [{ pids: 4 }, /less than the 32/, 'less than a start takes'],
  [{ cpus: '0' }, /cpus "0"/, 'no processor'],
  [{ cpus: 'many' }, /cpus "many"/, 'no number'],
  [{ health: 'https://:1/' }, /health/, 'an unknown scheme'],
  [{ watchdog: '10s' }, /needs an app that notifies/, 'a watchdog without a sign of life'],
  [{ schedule: 'daily', sockets: ['80'] }, /a job with a schedule/, 'a job that is a service, too'],
  [{ schedule: 'daily\nExecStart=/bin/sh' }, /schedule/, 'a line of its own in the unit'],
  [{ sockets: ['80\nUser=x'] }, /socket/, 'a line of its own in the unit'],
  [{ requires: ['a b'] }, /no name of a unit/, 'two words'],
  [{ network: 'none', ports: ['80:80'] }, /needs the network bridge, not none/, 'a port that leads nowhere'],
  [{ network: 'bridge', ports: ['80'] }, /ADDRESS/, 'a port of the container alone'],
  [{ profile: 'none' }, /profile "none" should be app or strict or compat/, 'an unknown profile'],
  [{ insecure: ['all'] }, /"all" is nothing that can be given up/, 'an unknown protection'],
  [{ profile: 'strict', network: 'host' }, /does not allow the host's network/, 'a profile that is left'],
  [{ network: 'lan' }, /network "lan" should be none or host or bridge/, 'an unknown network'],
  [{ restart: 'sometimes' }, /always or on-failure or no/, 'an unknown rule'],
  [{ update: { window: 'now' } }, /window/, 'no window'],
  [{ update: { often: true } }, /unknown key "often"/, 'an unknown key below'],
  [{ enviroment: [] }, /unknown key "enviroment"/, 'an unknown key'],
] as const) {
  test(`parseDefinition() refuses ${JSON.stringify(change)}: ${reason}`, (t) =>
    t.throws(() => parse(change), { message }));
}

test('appOptions() are those of img run, and unitLimits() those of the unit', (t) => {
  t.like(appOptions(everything), {
    network: 'bridge',
    ports: [
      { hostAddress: '127.0.0.1', hostPort: 8080, containerPort: 80, protocol: 'tcp' },
      { hostAddress: '0.0.0.0', hostPort: 53, containerPort: 53, protocol: 'udp' },
    ],
    env: ['A=b'],
    isWritable: true,
    entrypoint: ['/bin/app'],
    workingDir: '/srv',
    secrets: [{ name: 'token', source: '/etc/token' }],
  });
  t.deepEqual(unitLimits(everything), { memoryBytes: 512 * 1024 * 1024, cpuPercent: 150, pids: 100 });
  t.deepEqual(unitLimits({ image }), { memoryBytes: undefined, cpuPercent: undefined, pids: 512 });
  t.is(
    appOptions({ image, secrets: ['token'] }, '/run/credentials/x').secrets?.[0]?.source,
    '/run/credentials/x/token',
  );
});

test('parseHealthCheck() tells requests, connections and commands apart', (t) => {
  t.deepEqual(parseHealthCheck('http://:8080'), { kind: 'http', host: '127.0.0.1', port: 8080, path: '/' });
  t.deepEqual(parseHealthCheck('tcp://db:5432'), { kind: 'tcp', host: 'db', port: 5432 });
  t.deepEqual(parseHealthCheck(' /bin/check  now '), { kind: 'command', words: ['/bin/check', 'now'] });
  for (const text of [
    '',
    'http://8080',
    'http://:0/',
    'http://:65536/',
    'tcp://:80/path',
    'http://:80/a b',
    'ftp://:1',
  ]) {
    t.throws(() => parseHealthCheck(text), { code: 'APP_INVALID' }, text);
  }
});

test('parseSeconds() reads lengths of time', (t) => {
  const lengths = ['0', '30s', '5m', '48h', '2d', '1w'].map((text) => parseSeconds(text, 'x'));
  t.deepEqual(lengths, [0, 30, 300, 172_800, 172_800, 604_800]);
  for (const text of ['', '30', '-1s', '1.5h', '1y'])
    t.throws(() => parseSeconds(text, 'x'), { code: 'APP_INVALID' });
});

test('an app is called like the last part of its image, and not like a unit of our own', (t) => {
  t.is(defaultAppName('com.example.web'), 'web' as never);
  t.is(defaultAppName('team/api'), 'api' as never);
  t.throws(() => parseAppName('update'), { code: 'CONTAINER_NAME_INVALID' });
  t.throws(() => parseAppName('../x'), { code: 'CONTAINER_NAME_INVALID' });
});
