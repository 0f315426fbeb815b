import { execFile } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { needsRoot } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test, { type ExecutionContext } from 'ava';

const bin = join(import.meta.dirname, '../../bin');
const run = promisify(execFile);
/** When the source was changed, in seconds: exact in every file system. */
const changedAt = 1_700_000_000;

/** A repository in which bundles and sources say what they are. */
class Checkout {
  readonly root: string;

  constructor(t: ExecutionContext) {
    this.root = temporaryFolder(t);
    cpSync(bin, join(this.root, 'cli/bin'), { recursive: true });
    this.write('cli/package.json', '{ "type": "module" }');
    this.write('cli/src/main.ts', `const place: string = 'sources'; process.stdout.write(place);`);
    utimesSync(join(this.root, 'cli/src/main.ts'), changedAt, changedAt);
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  /** A bundle that says its name, as if it were made of the sources. */
  addBundle(
    name: string,
    { id = name, ...stamps }: { id?: string; root?: string; inputs?: readonly unknown[] } = {},
    code = `process.stdout.write('bundle ${name}')`,
  ): void {
    const { size, mtimeMs, ctimeMs } = statSync(join(this.root, 'cli/src/main.ts'));
    const inputs = [['cli/src/main.ts', size, mtimeMs, ctimeMs]];
    this.write(`cli/dist/${name}.cjs`, `(function (require) { ${code} })\n//${id}`);
    const json = { root: this.root, inputs, encoding: 'latin1', ...stamps };
    this.write(`cli/dist/${name}.json`, JSON.stringify(json));
  }

  /** What is kept of the code that bundles needed. */
  get compiled(): readonly string[] {
    const folder = join(this.root, 'cache/compiled');
    return readdirSync(folder).filter((name) => statSync(join(folder, name)).isFile());
  }

  async run(...words: readonly string[]): Promise<string> {
    return (await this.result(...words)).stdout;
  }

  async result(...words: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
    return run(process.execPath, [join(this.root, 'cli/bin/img.js'), ...words], {
      env: { IMG_CACHE: join(this.root, 'cache') },
    });
  }
}

test('the command comes from its own bundle, or that of all commands, or the sources', async (t) => {
  const checkout = new Checkout(t);
  t.is(await checkout.run('run'), 'sources');
  checkout.addBundle('img');
  t.is(await checkout.run('run'), 'bundle img');
  checkout.addBundle('run');
  t.is(await checkout.run('run', 'com.example.app'), 'bundle run');
  t.is(await checkout.run('ps'), 'bundle img');
  t.is(await checkout.run('--root', 'here', '--run', 'there', 'run'), 'bundle run');
  t.is(await checkout.run('--json', 'run'), 'bundle img');
  t.is(await checkout.run('--root', 'run'), 'bundle img');
  t.is(await checkout.run(), 'bundle img');
  t.is(await checkout.run('../run'), 'bundle img');
  checkout.addBundle('no-verb');
  for (const words of [[], ['--help'], ['-h'], ['--version']]) {
    t.is(await checkout.run(...words), 'bundle no-verb');
  }
  for (const words of [['--help', 'ps'], ['help', 'ps'], ['no-verb'], ['--json'], ['']]) {
    t.is(await checkout.run(...words), 'bundle img');
  }
});

test('a bundle imports what it needs late, and nobody is warned of how', async (t) => {
  const checkout = new Checkout(t);
  checkout.addBundle('img', {}, `import('node:path').then(({ sep }) => process.emitWarning(sep))`);
  const { stderr } = await checkout.result('run');
  t.regex(stderr, /^\(node:\d+\) Warning: \/\n/, 'other warnings are told');
  t.false(stderr.includes('Experimental'));
});

const stale: readonly (readonly [reason: string, make: (checkout: Checkout) => void])[] = [
  [
    'a source has other bytes of the same number and time',
    ({ root }) => {
      const path = join(root, 'cli/src/main.ts');
      const { size } = statSync(path);
      writeFileSync(path, `process.stdout.write('sources')`.padEnd(size));
      utimesSync(path, changedAt, changedAt);
    },
  ],
  [
    'a source is longer',
    (checkout) => checkout.write('cli/src/main.ts', `process.stdout.write('sources'); // A longer comment.`),
  ],
  [
    'a source is gone',
    (checkout) => {
      checkout.write('spec/src/gone.ts', '');
      const { size, mtimeMs, ctimeMs } = statSync(join(checkout.root, 'spec/src/gone.ts'));
      checkout.addBundle('img', { inputs: [['spec/src/gone.ts', size, mtimeMs, ctimeMs]] });
      rmSync(join(checkout.root, 'spec/src/gone.ts'));
    },
  ],
  ['the repository was elsewhere', (checkout) => checkout.addBundle('img', { root: '/somewhere/else' })],
  ['the stamps are cut off', (checkout) => checkout.write('cli/dist/img.json', '{ "root": ')],
  ['the stamps are missing', ({ root }) => rmSync(join(root, 'cli/dist/img.json'))],
];

for (const [reason, make] of stale) {
  test(`a bundle is left alone if ${reason}`, async (t) => {
    const checkout = new Checkout(t);
    checkout.addBundle('img');
    t.is(await checkout.run(), 'bundle img');
    make(checkout);
    t.is(await checkout.run(), 'sources');
  });
}

const suffix = `${process.version}-${process.arch}`;

test('what a command needed is kept compiled, for each verb and bundle, but not of help or what failed', async (t) => {
  const checkout = new Checkout(t);
  checkout.addBundle('img');
  t.is(await checkout.run('tag', '--help'), 'bundle img');
  t.deepEqual(checkout.compiled, []);
  t.is(await checkout.run('tag'), 'bundle img');
  t.deepEqual(checkout.compiled, [`tag-img-${suffix}`]);
  t.is(await checkout.run('--version'), 'bundle img');
  checkout.addBundle('img', { id: 'two' });
  t.is(await checkout.run('tag'), 'bundle img');
  const kept = [`img-img-${suffix}`, `tag-img-${suffix}`, `tag-two-${suffix}`];
  t.deepEqual(checkout.compiled.toSorted(), kept);
  checkout.addBundle('img', { id: 'three' }, 'process.exitCode = 1');
  await t.throwsAsync(checkout.run('tag'), { message: /^Command failed/ });
  t.deepEqual(checkout.compiled.toSorted(), kept);
});

const outdated: readonly (readonly [reason: string, change: (path: string) => void])[] = [
  ['is older than an hour', (path) => utimesSync(path, changedAt, changedAt)],
  ['is from the future', (path) => utimesSync(path, 4_000_000_000, 4_000_000_000)],
  ['is empty', (path) => writeFileSync(path, '')],
  ['is cut off', (path) => writeFileSync(path, readFileSync(path).subarray(0, -8))],
  ['is of another V8', (path) => writeFileSync(path, readFileSync(path).fill(1, 4, 8))],
];

for (const [reason, change] of outdated) {
  test(`compiled code is made anew if what is kept ${reason}`, async (t) => {
    const checkout = new Checkout(t);
    checkout.addBundle('img');
    t.is(await checkout.run('tag'), 'bundle img');
    const path = join(checkout.root, 'cache/compiled', `tag-img-${suffix}`);
    change(path);
    const writtenAt = () => statSync(path, { bigint: true }).ctimeNs;
    const before = writtenAt();
    t.is(await checkout.run('tag'), 'bundle img');
    const after = writtenAt();
    t.not(after, before);
    t.is(await checkout.run('tag'), 'bundle img');
    t.is(writtenAt(), after, 'it is used as it is');
  });
}

const foreign: readonly (readonly [reason: string, give: (cache: string) => void, byRoot?: 'root'])[] = [
  ['others may write there', (cache) => chmodSync(join(cache, 'compiled'), 0o707)],
  ['its group may write there', (cache) => chmodSync(join(cache, 'compiled'), 0o770)],
  ['others may, and none may remove it', (cache) => chmodSync(join(cache, 'compiled'), 0o1777)],
  ['others may put another folder in its place', (cache) => chmodSync(cache, 0o777)],
  ["it is somebody else's", (cache) => chownSync(join(cache, 'compiled'), 12_345, 12_345), 'root'],
  ["the folder that it is in is somebody else's", (cache) => chownSync(cache, 12_345, 12_345), 'root'],
  [
    'it is a link to where others may write',
    (cache) => {
      mkdirSync(join(cache, 'open'));
      chmodSync(join(cache, 'open'), 0o777);
      renameSync(join(cache, 'compiled'), join(cache, 'open/compiled'));
      symlinkSync('open/compiled', join(cache, 'compiled'));
    },
  ],
];

for (const [reason, give, byRoot] of foreign) {
  test(`compiled code is not taken from a folder if ${reason}`, async (t) => {
    if (byRoot !== undefined && !needsRoot(t)) return;
    const checkout = new Checkout(t);
    checkout.addBundle('img', {}, `process.stdout.write('poison img')`);
    t.is(await checkout.run('tag'), 'poison img');
    checkout.addBundle('img');
    t.is(await checkout.run('tag'), 'poison img', 'V8 takes what is kept for any source of this length');
    give(join(checkout.root, 'cache'));
    t.is(await checkout.run('tag'), 'bundle img');
    t.is(await checkout.run('rm'), 'bundle img');
    t.deepEqual(checkout.compiled, [`tag-img-${suffix}`], 'nothing is kept there');
  });
}

test('compiled code belongs to the bundle that was read, whichever is described beside it', async (t) => {
  const checkout = new Checkout(t);
  checkout.addBundle('img', {}, `process.stdout.write('former img')`);
  t.is(await checkout.run('tag'), 'former img');
  const described = readFileSync(join(checkout.root, 'cli/dist/img.json'), 'utf8');
  checkout.addBundle('img', { id: 'new' });
  checkout.write('cli/dist/img.json', described);
  t.is(await checkout.run('tag'), 'bundle img');
});

test('the folder of compiled code is for its user only, whatever the umask is', async (t) => {
  const checkout = new Checkout(t);
  checkout.addBundle('img');
  const words = [
    '-c',
    'umask 0; exec "$0" "$@"',
    process.execPath,
    join(checkout.root, 'cli/bin/img.js'),
    'tag',
  ];
  await run('/bin/sh', words, { env: { IMG_CACHE: join(checkout.root, 'cache') } });
  t.is(statSync(join(checkout.root, 'cache/compiled')).mode & 0o777, 0o700);
});

test('a command runs for a user without an account and a home', async (t) => {
  if (!needsRoot(t)) return;
  const checkout = new Checkout(t);
  checkout.addBundle('img');
  chmodSync(checkout.root, 0o755);
  const words = [join(checkout.root, 'cli/bin/img.js'), 'tag'];
  const user = { cwd: '/', env: {}, uid: 12_345, gid: 12_345 };
  t.is((await run(process.execPath, words, user)).stdout, 'bundle img');
});

test('compiled code of former bundles goes a week after it was made', async (t) => {
  const checkout = new Checkout(t);
  checkout.addBundle('img');
  await checkout.run('tag');
  await checkout.run('rm');
  for (const name of checkout.compiled) {
    utimesSync(join(checkout.root, 'cache/compiled', name), changedAt, changedAt);
  }
  checkout.addBundle('img', { id: 'two' });
  await checkout.run('tag');
  t.deepEqual(checkout.compiled.toSorted(), [`rm-img-${suffix}`, `tag-two-${suffix}`]);
});

test('what a command needed is kept in the folder that it names', async (t) => {
  const checkout = new Checkout(t);
  checkout.addBundle('img');
  await checkout.run('--root', 'elsewhere', '--cache', join(checkout.root, 'cache/own'), 'tag');
  t.deepEqual(
    readdirSync(join(checkout.root, 'cache/own/compiled')).filter((name) => name.startsWith('tag-')),
    [`tag-img-${suffix}`],
  );
});

test('a command works where nothing can be kept', async (t) => {
  const checkout = new Checkout(t);
  checkout.addBundle('img');
  checkout.write('cache', 'no folder');
  t.is(await checkout.run('tag'), 'bundle img');
});

test('bin/img starts the Node of the repository, also through links, and that of the system without it', async (t) => {
  const checkout = new Checkout(t);
  const elsewhere = temporaryFolder(t);
  const link = join(elsewhere, 'img');
  symlinkSync(join(checkout.root, 'cli/bin/img'), join(elsewhere, 'first'));
  symlinkSync('first', link);
  const env = { IMG_CACHE: join(checkout.root, 'cache'), PATH: `${elsewhere}:${process.env['PATH']}` };
  const words = ['build', 'two words', '$HOME "*"'];
  const script = (name: string) => `#!/bin/sh\necho "${name}"; shift; for word; do echo "$word"; done\n`;

  writeFileSync(join(elsewhere, 'node'), script('system'), { mode: 0o755 });
  t.is((await run(link, words, { env })).stdout, `system\n${words.join('\n')}\n`);

  const own = join(checkout.root, 'node_modules/node/bin');
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, 'node'), script('own'), { mode: 0o755 });
  t.is((await run(link, words, { env })).stdout, `own\n${words.join('\n')}\n`);
  const program = join(checkout.root, 'cli/bin/img');
  t.is((await run(program, words, { env })).stdout, `own\n${words.join('\n')}\n`);
  const served = (await run(program, ['serve', '--json'], { env })).stdout;
  t.is(served, `own\n${program}.js\nserve\n--json\n`, 'behind an option of Node');
  t.is((await run(program, ['run', 'app'], { env })).stdout, `own\n${program}.js\nrun\napp\n`, 'likewise');
  t.is((await run(program, [], { env })).stdout, `own\n${program}.js\n`, 'likewise');
});

const optionsOfNode: readonly [words: string, option: string | undefined, reason: string][] = [
  ['serve', '--max-semi-space-size=2', 'it runs for long'],
  ['--root a --run b serve --json', '--max-semi-space-size=2', 'behind folders'],
  ['--root serve ps', '--v8-pool-size=1', 'a folder of that name'],
  ['--cache a build .', undefined, 'it has much to compute'],
  ['--json serve', '--v8-pool-size=1', 'no folder: a mistake'],
  ['--root', '--v8-pool-size=1', 'no folder, and no verb'],
];

test('bin/img chooses options of Node by the verb', async (t) => {
  const checkout = new Checkout(t);
  const own = join(checkout.root, 'node_modules/node/bin');
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, 'node'), '#!/bin/sh\necho "$*"\n', { mode: 0o755 });
  const program = join(checkout.root, 'cli/bin/img');
  for (const [words, option, reason] of optionsOfNode) {
    const { stdout } = await run(program, words.split(' '));
    t.is(stdout, `${option === undefined ? '' : `${option} `}${program}.js ${words}\n`, reason);
  }
});
