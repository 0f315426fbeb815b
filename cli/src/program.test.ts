import { execFile, spawn } from 'node:child_process';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import test from 'ava';
import { newInstance, programPath } from './testing/run-img.ts';

test('img --help shows every command, exit codes and first steps on stdout', async (t) => {
  const { run } = await newInstance(t);
  for (const words of [['--help'], ['help'], ['-h']]) {
    const { code, stdout, stderr } = await run(words);
    t.is(code, 0);
    t.is(stderr, '');
    for (const part of [
      'Usage: img VERB',
      '  key ',
      'Exit codes:',
      'the image is not trusted, or was changed',
      'First steps:',
    ]) {
      t.true(stdout.includes(part), part);
    }
  }
});

test('img VERB --help shows options and an example', async (t) => {
  const { run } = await newInstance(t);
  for (const words of [
    ['key', 'new', '--help'],
    ['help', 'key', 'new'],
  ]) {
    const { code, stdout } = await run(words);
    t.is(code, 0);
    for (const part of ['--passphrase-fd', '--json', 'Example:', 'img key new alice'])
      t.true(stdout.includes(part), part);
  }
});

test('img --version prints the version', async (t) => {
  const { run } = await newInstance(t);
  t.regex((await run(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
  t.regex((await run(['version', '--json'])).stdout, /"img": "\d/);
});

const usage: readonly [words: string[], stderr: RegExp, reason: string][] = [
  [[], /^Usage: img VERB/, 'no command'],
  [
    ['kye'],
    /^img: unknown command 'kye'\n {5}\(Did you mean key\?\)\n {5}hint: img --help lists the commands\n$/,
    'a mistyped command',
  ],
  [['key', 'lsit'], /Did you mean list\?/, 'a mistyped command further down'],
  [['key'], /^Usage: img key/, 'half a command'],
  [
    ['config', '--jsn'],
    /^img: unknown option '--jsn'\n {5}\(Did you mean --json\?\)\n {5}hint: img config --help/,
    'a mistyped option',
  ],
  [['key', 'new'], /^img: missing required argument 'name'/, 'a missing argument'],
  [['key', 'new', 'a', 'b'], /^img: too many arguments/, 'an argument too many'],
  [['key', 'new', 'a', '--passphrase-fd', 'x'], /should be the number of an open file/, 'a wrong value'],
  [['\u001b[2J\n'], /^img: unknown command '\\u001b\[2J\n? {5}'/, 'what was typed is escaped'],
];

for (const [words, stderr, reason] of usage) {
  test(`img ends with 2 and tells on stderr: ${reason}`, async (t) => {
    const { run } = await newInstance(t);
    const result = await run(words);
    t.is(result.code, 2);
    t.is(result.stdout, '');
    t.regex(result.stderr, stderr);
    t.notRegex(result.stderr, /[^\P{Cc}\n]/u);
  });
}

test('img takes the options of output before and after the command', async (t) => {
  const { run } = await newInstance(t);
  for (const words of [
    ['--json', 'config'],
    ['config', '--json'],
  ]) {
    const { stdout } = await run(words);
    t.true((JSON.parse(stdout) as { key: string }[]).some(({ key }) => key === 'root'));
  }
});

test('img takes the folders of an instance before and after the command', async (t) => {
  const { run, folder } = await newInstance(t);
  for (const words of [
    ['--root', 'r', 'config'],
    ['config', '--root', 'r'],
    ['--root', 'x', 'config', '--root', 'r'],
  ]) {
    t.regex((await run(words)).stdout, new RegExp(`^root +${join(folder, 'r')} +--root$`, 'm'));
  }
});

test('img config prints values and where they come from', async (t) => {
  const { run, folder } = await newInstance(t);
  const { code, stdout } = await run(['config'], { variables: { IMG_REGISTRY: 'example.com' } });
  t.is(code, 0);
  t.regex(stdout, /^registries\.default +example\.com +IMG_REGISTRY$/m);
  t.regex(stdout, new RegExp(`^root +${join(folder, 'root')} +IMG_ROOT$`, 'm'));
  t.regex(stdout, /^mirror +not set/m);
});

test('img reports a wrong configuration with exit code 2, as JSON too', async (t) => {
  const { run } = await newInstance(t);
  const { code, stdout, stderr } = await run(['config', '--json'], { variables: { IMG_REGISTRY: 'a b' } });
  t.is(code, 2);
  t.regex(stderr, /^img: IMG_REGISTRY: "a b" should be the address/);
  t.like(JSON.parse(stdout), { error: { code: 'CONFIG_INVALID' } });
});

test('img ends quietly when the reader of its output goes away', async (t) => {
  const { variables } = await newInstance(t);
  const child = spawn(process.execPath, [programPath, '--help'], { env: variables });
  child.stdout.destroy();
  const [stderr, code] = await Promise.all([
    text(child.stderr),
    new Promise<number | null>((resolve) => child.on('close', resolve)),
  ]);
  t.is(stderr, '');
  t.is(code, 0);
});

test('img says what to do when it is started with an old Node', async (t) => {
  const old = await findOldNode();
  if (old === undefined) {
    t.log('no older Node on this machine');
    t.pass();
    return;
  }
  const error = await t.throwsAsync<Error & { code: number; stderr: string }>(
    promisify(execFile)(old, [programPath, 'version']),
  );
  t.is(error?.code, 1);
  t.regex(
    error?.stderr ?? '',
    /^img: needs Node 24\.19 or newer, but .* is \d+\.\d+\.\d+\n {5}hint: .*npm ci/,
  );
});

async function findOldNode(): Promise<string | undefined> {
  for (const folder of ['/usr/bin', '/usr/local/bin']) {
    const path = join(folder, 'node');
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (!isThere) continue;
    const { stdout } = await promisify(execFile)(path, ['--version']);
    if (Number(/^v(\d+)/.exec(stdout)?.[1]) < 24) return path;
  }
  return undefined;
}
