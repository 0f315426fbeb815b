import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { parseRegistryHost } from '@img/spec/registry-host';
import test from 'ava';
import { parseAppFile, readAppFiles } from './read-app-files.ts';

const registries = { default: parseRegistryHost('registry.example:5000'), aliases: new Map() };
const image = 'registry.example:5000/com.example.web:stable';
const parse = (text: string, file = '/etc/img/apps.d/web.yaml') =>
  parseAppFile(new TextEncoder().encode(text), file, registries);

test('parseAppFile() reads everything that a file can say', (t) => {
  const text = `
image: com.example.web:stable
version: ^1.10
command: [serve, --verbose]
environment: {B: "2", A: yes}
volumes: ["/srv:/data:ro"]
ports: [8080, 8081]
memory: 512m
cpus: 1.5
pids: 64
writable: true
requires: [db.service]
update: {policy: manual, minAge: 48h, window: "Sat 02:00-04:00", stable: 5m}
`;
  t.deepEqual(parse(text), [
    {
      name: 'web',
      definition: {
        image,
        network: 'host',
        health: 'tcp://:8080',
        version: '^1.10',
        memory: '512m',
        cpus: '1.5',
        command: ['serve', '--verbose'],
        volumes: ['/srv:/data:ro'],
        requires: ['db.service'],
        environment: ['A=yes', 'B=2'],
        writable: true,
        pids: 64,
        update: { minAge: '48h', policy: 'manual', stable: '5m', window: 'Sat 02:00-04:00' },
      },
    },
  ] as never);
});

test('parseAppFile() publishes ports', (t) => {
  t.like(parse('image: com.example.web\nports: [8080:80]\n')[0]?.definition, {
    network: 'bridge',
    ports: ['127.0.0.1:8080:80'],
    health: 'tcp://:80',
  });
});

test('parseAppFile() makes an app of each replica, and lets a file know better than its ports', (t) => {
  const apps = parse(
    'image: com.example.web:stable\nreplicas: 3\nports: [80]\nhealth: http://:80/ok\nnetwork: none\n',
  );
  t.deepEqual(
    apps.map(({ name }) => name as string),
    ['web-1', 'web-2', 'web-3'],
  );
  t.like(apps[0]?.definition, { health: 'http://:80/ok', network: 'none' });
});

for (const [text, message, reason] of [
  ['', /image is missing|should be/, 'empty'],
  ['command: [x]\n', /web\.yaml:1:1: image is missing/, 'no image'],
  [
    'image: com.example.web\nmemroy: 1g\n',
    /web\.yaml:2:1: unknown key "memroy".*memory/s,
    'a typing mistake',
  ],
  [
    'image: com.example.web\nreplicas: 0\n',
    /web\.yaml:2:11: replicas should be a number up to 99/,
    'no replica',
  ],
  [
    'image: com.example.web\nnetwork: lan\n',
    /web\.yaml:2:10: network should be none or host or bridge/,
    'no network',
  ],
  [
    'image: com.example.web\nports: [80, "x:80"]\n',
    /web\.yaml:2:13: ports\[1\] should be a port, or \[ADDRESS:\]HOST:CONTAINER/,
    'no port',
  ],
  [
    'image: com.example.web\nreplicas: 2\nports: [8080:80]\n',
    /web\.yaml: 2 replicas can't publish the same ports/,
    'one port for two',
  ],
  [
    'image: com.example.web\nnetwork: host\nports: [8080:80]\n',
    /web\.yaml: published port .* needs the network bridge, not host/,
    'a port that is published where none can be',
  ],
  [
    'image: com.example.web\nprofile: none\n',
    /web\.yaml:2:10: profile should be app or strict/,
    'no profile',
  ],
  ['image: com.example.web\ninsecure: [all]\n', /web\.yaml: "all" is nothing that can be/, 'no protection'],
  ['image: com.example.web\nmemory: 1m\n', /web\.yaml: memory 1m is less than/, 'too little'],
  ['image: "Com.Example:"\n', /web\.yaml: /, 'no name of an image'],
  ['image: [\n', /web\.yaml:/, 'no YAML'],
] as const) {
  test(`parseAppFile() refuses a file: ${reason}`, (t) => {
    t.throws(() => parse(text), { code: 'APPS_INVALID', message });
  });
}

test('parseAppFile() refuses the name of a unit of our own', (t) => {
  t.throws(() => parse('image: com.example.web\n', '/x/update.yaml'), { code: 'APPS_INVALID' });
});

test('readAppFiles() reads a folder, and refuses one that is not there', async (t) => {
  const folder = join(temporaryFolder(t), 'apps.d');
  await t.throwsAsync(readAppFiles(folder, registries), { code: 'APPS_INVALID', message: /can't be read/ });
  mkdirSync(folder);
  t.deepEqual(await readAppFiles(folder, registries), []);
  for (const name of ['b.yaml', 'a.yaml', '.hidden.yaml', 'README']) {
    writeFileSync(join(folder, name), 'image: com.example.web\n');
  }
  t.deepEqual(
    (await readAppFiles(folder, registries)).map(({ name }) => name as string),
    ['a', 'b'],
  );
  writeFileSync(join(folder, 'a-1.yaml'), 'image: com.example.web\n');
  writeFileSync(join(folder, 'a.yaml'), 'image: com.example.web\nreplicas: 2\n');
  await t.throwsAsync(readAppFiles(folder, registries), { code: 'APPS_INVALID', message: /two files/ });
});
