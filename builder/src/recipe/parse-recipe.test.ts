import test from 'ava';
import { parseRecipe } from './parse-recipe.ts';

const minimal = 'name: com.example.app\nversion: 1.0.0\nos: debian:13\n';
const parse = (text: string) => parseRecipe(new TextEncoder().encode(text), 'img.yaml');

test('parseRecipe() reads everything that an img.yaml can say', (t) => {
  const recipe = parse(`
name: com.example.app
version: 1.4.0
os: debian:13
packages: [python3, ca-certificates, python3]
app: {python: src/, to: /srv//web/}
files:
  - {from: ./site/, to: /var/www/html/, mode: "0640", owner: www-data:adm}
  - from: app.conf
    to: /etc/app.conf
run:
  entrypoint: [python3, -u]
  cmd: [/srv/web/main.py, 8080]
  user: app
  env: {TZ: UTC, DEBUG: true, RATE: 1.10}
  workdir: /srv/./web/
  ports: [8080, 53/udp, 8080/tcp]
  stop: SIGRTMIN+3
  labels: {org.example.team: web}
annotations: {org.opencontainers.image.licenses: MIT}
platforms: [linux/amd64, linux/aarch64]
`);
  t.deepEqual(recipe, {
    name: 'com.example.app',
    version: '1.4.0',
    os: { kind: 'named', name: 'debian:13' },
    packages: ['ca-certificates', 'python3'],
    binaries: [],
    files: [
      {
        from: 'site',
        to: { path: 'var/www/html', isFolder: true },
        mode: 0o640,
        owner: { user: 'www-data', group: 'adm' },
      },
      {
        from: 'app.conf',
        to: { path: 'etc/app.conf', isFolder: false },
        mode: undefined,
        owner: { user: '0', group: undefined },
      },
    ],
    app: { kind: 'python', from: 'src', to: { path: 'srv/web', isFolder: true } },
    run: {
      entrypoint: ['python3', '-u'],
      cmd: ['/srv/web/main.py', '8080'],
      user: { user: 'app', group: undefined },
      env: new Map([
        ['DEBUG', 'true'],
        ['RATE', '1.10'],
        ['TZ', 'UTC'],
      ]),
      workingDir: '/srv/web',
      ports: ['8080/tcp', '53/udp'],
      stopSignal: 'SIGRTMIN+3',
      labels: new Map([['org.example.team', 'web']]),
    },
    annotations: new Map([['org.opencontainers.image.licenses', 'MIT']]),
    platforms: [
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm64' },
    ],
  } as never);
});

const readings: readonly [
  why: string,
  yaml: string,
  pick: (r: ReturnType<typeof parse>) => unknown,
  expected: unknown,
][] = [
  [
    'a version is text as written, not a number',
    'name: a\nversion: 1.10\nos: scratch',
    (r) => r.version,
    '1.10',
  ],
  ['scratch has no archive', 'name: a\nversion: 1\nos: scratch', (r) => r.os, { kind: 'scratch' }],
  [
    "an archive of one's own has main as its component",
    'name: a\nversion: 1\nos: {mirror: "http://127.0.0.1/d", suites: [s], keyring: k.asc}',
    (r) => r.os,
    { kind: 'archive', mirror: 'http://127.0.0.1/d', suites: ['s'], components: ['main'], keyring: 'k.asc' },
  ],
  [
    'a release from another mirror',
    'name: a\nversion: 1\nos: {name: debian:13, mirror: "http://m/debian"}',
    (r) => r.os,
    { kind: 'named', name: 'debian:13', mirror: 'http://m/debian' },
  ],
  [
    'a keyring lies below the folder',
    'name: a\nversion: 1\nos: {mirror: "http://m", suites: [s, s-updates], components: [main, contrib], keyring: ./k/a.asc}',
    (r) => r.os,
    {
      kind: 'archive',
      mirror: 'http://m',
      suites: ['s', 's-updates'],
      components: ['main', 'contrib'],
      keyring: 'k/a.asc',
    },
  ],
  [
    'an app goes to /opt/app',
    `${minimal}app: {files: .}`,
    (r) => r.app,
    {
      kind: 'files',
      from: '.',
      to: { path: 'opt/app', isFolder: true },
    },
  ],
  [
    'a mode is octal without its zero',
    `${minimal}files: [{from: a, to: /a, mode: 755}]`,
    (r) => r.files[0]?.mode,
    0o755,
  ],
  [
    'a mode is octal as YAML 1.2 writes it',
    `${minimal}files: [{from: a, to: /a, mode: 0o4755}]`,
    (r) => r.files[0]?.mode,
    0o4755,
  ],
  [
    'numbers as owner',
    `${minimal}files: [{from: a, to: /a, owner: 1000:33}]`,
    (r) => r.files[0]?.owner,
    {
      user: '1000',
      group: '33',
    },
  ],
  [
    'the root is a folder',
    `${minimal}files: [{from: a, to: /}]`,
    (r) => r.files[0]?.to,
    { path: '', isFolder: true },
  ],
  ['JSON is YAML', '{"name": "a", "version": "1", "os": "scratch"}', (r) => r.name, 'a'],
  ['a byte order mark is passed over', `\ufeff${minimal}`, (r) => r.name, 'com.example.app'],
  [
    'a long text in several lines',
    `${minimal}run: {labels: {about: "two\n    words"}}`,
    (r) => r.run.labels.get('about'),
    'two words',
  ],
];

for (const [why, yaml, pick, expected] of readings) {
  test(`parseRecipe(): ${why}`, (t) => t.deepEqual(pick(parse(yaml)), expected));
}

const refused: readonly [yaml: string, message: string, code?: string][] = [
  ['', 'img.yaml:1:1: the file should be a map that describes an image, not nothing'],
  ['- a', 'img.yaml:1:1: the file should be a map that describes an image, not a list'],
  ['name: a\nos: scratch', 'img.yaml:1:1: version is missing: a version such as 1.4.0'],
  [
    `${minimal}pakages: [a]`,
    'img.yaml:4:1: unknown key "pakages"; did you mean "packages"?',
    'RECIPE_UNKNOWN_KEY',
  ],
  [
    `${minimal}run:\n  commands: [a]`,
    'img.yaml:5:3: unknown key "commands" in run; known are cmd, entrypoint, user, env, workdir, ports, stop, labels',
    'RECIPE_UNKNOWN_KEY',
  ],
  [
    `${minimal}files: [{from: a, to: /a, mdoe: 1}]`,
    'img.yaml:4:27: unknown key "mdoe" in files[0]; did you mean "mode"?',
    'RECIPE_UNKNOWN_KEY',
  ],
  [
    `${minimal}"\\e[31m": x`,
    'img.yaml:4:1: unknown key "\\u001b[31m"; known are name, version, os, from, packages, binary, app, files, run, annotations, platforms',
    'RECIPE_UNKNOWN_KEY',
  ],
  [
    `${minimal}__proto__: x`,
    'img.yaml:4:1: unknown key "__proto__"; known are name, version, os, from, packages, binary, app, files, run, annotations, platforms',
    'RECIPE_UNKNOWN_KEY',
  ],
  [
    `${minimal}from: base`,
    'img.yaml:4:7: os and from exclude each other: packages of a release, or another image as base',
  ],
  [
    'name: a\nversion: 1\nfrom: base\npackages: [python3]',
    'img.yaml:4:11: from: has no packages, because nobody knows what fits the image; build that one with them, or take os: debian:13 instead of from',
  ],
  [
    `${minimal}run: {health: {http: ":80/"}}`,
    'img.yaml:4:7: "run.health" is not built yet by this version of img: health checks',
    'RECIPE_UNSUPPORTED',
  ],
  [
    'name: Com\nversion: 1\nos: scratch',
    'img.yaml:1:7: name "Com" should be lower-case letters and digits, separated by single ".", "_", "__" or "-", in parts separated by "/", 255 characters at most',
  ],
  [
    'name: a\nversion: 1 2\nos: scratch',
    'img.yaml:2:10: tag "1 2" should be 1 to 128 letters, digits, ".", "_" or "-" and not begin with "." or "-"',
  ],
  [
    'name: a\nversion:\nos: scratch',
    'img.yaml:2:9: tag "" should be 1 to 128 letters, digits, ".", "_" or "-" and not begin with "." or "-"',
  ],
  [
    'name: a\nversion: 1\nos: debian',
    'img.yaml:3:5: os should be debian:13, debian:12, ubuntu:24.04, scratch, or a map with mirror, not "debian"',
  ],
  [
    'name: a\nversion: 1\nos: {mirror: "http://x", suites: [s]}',
    'img.yaml:3:5: os should have either name, or suites and keyring, beside mirror',
  ],
  [
    'name: a\nversion: 1\nos: {mirror: "http://x", name: debian:13, suites: [s]}',
    'img.yaml:3:5: os should have either name, or suites and keyring, beside mirror',
  ],
  [
    'name: a\nversion: 1\nos: {mirror: "file:///x", name: debian:13}',
    'img.yaml:3:14: os.mirror should be the http or https address of an archive, not "file:///x"',
  ],
  [
    `${minimal}binary: [/usr/bin/curl]`,
    'img.yaml:4:9: binary brings its libraries along from this machine, so os must be scratch; or take the package of the program from os',
  ],
  [`${minimal}packages: bash`, 'img.yaml:4:11: packages should be a list of package names, not "bash"'],
  [
    `${minimal}packages: [Bash]`,
    'img.yaml:4:12: packages[0] should be a package name such as python3, not "Bash"',
  ],
  [
    `${minimal}app: {python: a, files: b}`,
    'img.yaml:4:6: app should have exactly one of python, node, go, jar and files, not 2',
  ],
  [
    `${minimal}app: {to: /a}`,
    'img.yaml:4:6: app should have exactly one of python, node, go, jar and files, not none',
  ],
  [
    `${minimal}app: {python: ../a}`,
    'img.yaml:4:15: "../a" should be a path below the folder of the img.yaml, without ".."',
  ],
  [
    `${minimal}files: [{from: /etc/shadow, to: /a}]`,
    'img.yaml:4:16: "/etc/shadow" should be a path below the folder of the img.yaml, without ".."',
  ],
  [`${minimal}files: [{from: a, to: /a/../../b}]`, 'img.yaml:4:23: "/a/../../b" should have no ".."'],
  [
    `${minimal}files: [{from: a, to: b}]`,
    'img.yaml:4:23: files[0].to should be an absolute path in the image, such as /etc/app.conf, not "b"',
  ],
  [
    `${minimal}files: [{from: a, to: /a, mode: 0999}]`,
    'img.yaml:4:33: files[0].mode should be permissions in octal such as 0644, not "0999"',
  ],
  [
    `${minimal}files: [{from: a, to: /a, owner: 4294967295}]`,
    'img.yaml:4:34: "4294967295" is larger than any user or group number',
  ],
  [
    `${minimal}run: {cmd: python3 main.py}`,
    'img.yaml:4:12: run.cmd should be a list of a program and its arguments, not "python3 main.py"',
  ],
  [`${minimal}run: {cmd: []}`, 'img.yaml:4:12: run.cmd should not be empty'],
  [`${minimal}run: {cmd: [""]}`, 'img.yaml:4:13: run.cmd should begin with a program'],
  [
    `${minimal}run: {cmd: ["a\\0b"]}`,
    'img.yaml:4:13: run.cmd[0] has a character that no file can hold: "a\\u0000b"',
  ],
  [`${minimal}run: {ports: [99999]}`, 'img.yaml:4:15: port "99999" is larger than 65535'],
  [`${minimal}run: {stop: SIGTREM}`, 'img.yaml:4:13: "SIGTREM" is not a signal; did you mean SIGTERM?'],
  [`${minimal}run: {env: {"A=B": x}}`, 'img.yaml:4:13: "A=B" in run.env should be the name of a variable'],
  [
    `${minimal}platforms: [windows/amd64]`,
    'img.yaml:4:13: platform "windows/amd64" is not built: only Linux is',
  ],
  [
    `${minimal}platforms: [arm64]`,
    'img.yaml:4:13: platform "arm64" should be os/architecture or os/architecture/variant, for example linux/arm64',
  ],
  [`${minimal}name: b`, 'img.yaml:4:1: the key "name" stands here twice'],
  [
    'name: &n a\nversion: *n\nos: scratch',
    'img.yaml:1:10: anchors and aliases (&name, *name) are not allowed: write the value out',
  ],
  [
    'name: !!str a\nversion: 1\nos: scratch',
    'img.yaml:1:13: tags such as "tag:yaml.org,2002:str" are not allowed: write the plain value',
  ],
  ['name: !evil a\nversion: 1\nos: scratch', 'img.yaml:1:7: Unresolved tag: !evil'],
  [
    `${minimal}---\nname: b`,
    'img.yaml:4:1: Source contains multiple documents; please use YAML.parseAllDocuments()',
  ],
  [
    'name: [a, b',
    'img.yaml:1:12: Flow sequence in block collection must be sufficiently indented and end with a ]',
  ],
  [`${minimal}run: ${'['.repeat(20)}${']'.repeat(20)}`, 'img.yaml:4:22: values are nested more than 16 deep'],
];

for (const [yaml, message, code = 'RECIPE_INVALID'] of refused) {
  test(`parseRecipe() refuses ${JSON.stringify(yaml.replace(minimal, '').slice(0, 60))}`, (t) => {
    const error = t.throws(() => parse(yaml), { code });
    t.is(error?.message.split('\n')[0], message);
  });
}

test('parseRecipe() tells everything that is wrong at once, in the order of the file', (t) => {
  const error = t.throws(() => parse('name: a\nverson: 1\nos: debian:13\nrun: {cmd: x}\nfoo: 1'));
  t.deepEqual(
    error?.message.split('\n').map((line) => line.split(' ')[0]),
    ['img.yaml:1:1:', 'img.yaml:2:1:', 'img.yaml:4:12:', 'img.yaml:5:1:'],
  );
});

test('parseRecipe() shows ten problems and counts the rest', (t) => {
  const keys = Array.from({ length: 25 }, (_, index) => `unknown${index}: x`).join('\n');
  const lines = t.throws(() => parse(minimal + keys))?.message.split('\n') ?? [];
  t.is(lines.length, 11);
  t.is(lines.at(-1), 'img.yaml: and 15 more');
});

test('parseRecipe() refuses what is not UTF-8', (t) => {
  t.throws(() => parseRecipe(Uint8Array.of(0x61, 0xff), 'img.yaml'), { message: /not valid UTF-8/ });
});

test('parseRecipe() refuses a file of more than 256 KiB without reading it', (t) => {
  t.throws(() => parse(`# ${'x'.repeat(256 * 1024)}`), { message: /more than the 262144 allowed/ });
});

const hostile: readonly [why: string, yaml: string][] = [
  ['deep flow lists', '['.repeat(50_000)],
  ['deep flow maps', '{a: '.repeat(50_000)],
  ['deep block lists', '- '.repeat(50_000)],
  ['explicit keys in explicit keys', '? '.repeat(50_000)],
  ['many keys', Array.from({ length: 20_000 }, (_, index) => `k${index}: v`).join('\n')],
  ['a bomb of aliases', `a: &a [${'x,'.repeat(50)}]\nb: &b [${'*a,'.repeat(50)}]\nc: [${'*b,'.repeat(50)}]`],
  ['a merge key', '<<: {name: a}\nversion: 1\nos: scratch'],
];

for (const [why, yaml] of hostile) {
  test(`parseRecipe() refuses ${why}`, (t) => {
    const error = t.throws(() => parse(yaml));
    t.regex((error as { code?: string }).code ?? '', /^RECIPE_/);
    t.true((error?.message.length ?? 0) < 5000);
  });
}
