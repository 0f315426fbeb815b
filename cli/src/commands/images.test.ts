import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { newInstance } from '../testing/run-img.ts';
import { writeTestApp } from '../testing/test-app.ts';

type Built = {
  readonly digest: string;
  readonly references: readonly string[];
  readonly lock: string | null;
};

/** An instance that has built com.example.app. */
async function prepare(t: ExecutionContext) {
  const instance = await newInstance(t);
  await writeTestApp(instance, 'one');
  const built = JSON.parse((await instance.run(['build', 'app', '--json'])).stdout) as Built;
  return { ...instance, built };
}

test('img build stores an image under its version and latest, the same one every time', async (t) => {
  const { run, built } = await prepare(t);
  t.deepEqual(built.references, ['com.example.app:1.0.0', 'com.example.app:latest']);
  t.is(built.lock, null, 'nothing was chosen');
  const again = await run(['build', 'app/img.yaml']);
  t.is(again.code, 0);
  t.is(again.stdout, built.references.map((reference) => `${reference}  ${built.digest}\n`).join(''));
  t.regex(again.stderr, /1 layer, .*, built in /);
});

const refusedBuilds: readonly [
  yaml: string,
  words: string[],
  code: number,
  stderr: RegExp,
  reason: string,
][] = [
  ['', ['nowhere'], 2, /^img: there is no "nowhere" to build\n {5}hint: name a folder/, 'no folder'],
  [
    'nam: x',
    ['app'],
    2,
    /^img: app\/img\.yaml:1:1: unknown key "nam"; did you mean "name"\?/,
    'a mistyped key',
  ],
  [
    'name: x\nversion: "1"\nos: scratch',
    ['app', '--platform', 'x'],
    2,
    /^img: platform "x" should be os\/architecture/,
    'a wrong platform',
  ],
  [
    'name: x\nversion: "1"\nos: scratch',
    ['app', '--compress', 'xz'],
    2,
    /Allowed choices are zstd, gzip/,
    'an unknown compression',
  ],
  ['name: x\nversion: "1"\nos: scratch\nfiles: [{from: gone, to: /x}]', ['app'], 1, /gone/, 'a missing file'],
];

for (const [yaml, words, wanted, message, reason] of refusedBuilds) {
  test(`img build stores nothing: ${reason}`, async (t) => {
    const instance = await newInstance(t);
    await writeTestApp(instance, 'one');
    await writeFile(join(instance.folder, 'app/img.yaml'), yaml);
    const { code, stdout, stderr } = await instance.run(['build', ...words]);
    t.is(code, wanted);
    t.is(stdout, '');
    t.regex(stderr, message);
    t.is((await instance.run(['images'])).stdout, '');
  });
}

test('img build takes SOURCE_DATE_EPOCH, and refuses what is none', async (t) => {
  const { run } = await prepare(t);
  await run(['build', 'app'], { variables: { SOURCE_DATE_EPOCH: '1700000000' } });
  t.regex((await run(['inspect', 'com.example.app'])).stdout, /^created +2023-11-14T22:13:20Z$/m);
  const { code, stderr } = await run(['build', 'app'], { variables: { SOURCE_DATE_EPOCH: 'today' } });
  t.is(code, 2);
  t.regex(stderr, /SOURCE_DATE_EPOCH should be seconds since 1970/);
});

test('img images lists names, tags, digests and sizes, all or of one name', async (t) => {
  const { run, built } = await prepare(t);
  const short = built.digest.slice(0, 19);
  t.regex(
    (await run(['images'])).stdout,
    new RegExp(
      `^NAME +TAG +DIGEST +SIZE +STORED\ncom\\.example\\.app +1\\.0\\.0 +${short} +\\d+ B +.*\ncom\\.example\\.app +latest`,
    ),
  );
  const listed = JSON.parse((await run(['images', 'com.example.app:1.0.0', '--json'])).stdout) as object[];
  t.is(listed.length, 1);
  t.like(listed[0], {
    name: 'com.example.app',
    repository: 'com.example.app',
    tag: '1.0.0',
    digest: built.digest,
    platforms: [],
  });
  t.deepEqual(JSON.parse((await run(['images', 'com.example.other', '--json'])).stdout), []);
  t.is((await run(['images', 'A'])).code, 2);
});

test('img images lists a damaged image, so that it can be removed', async (t) => {
  const { run, folder, built } = await prepare(t);
  await writeFile(join(folder, 'root/blobs/sha256', built.digest.slice(7)), 'changed');
  t.regex((await run(['images'])).stdout, /damaged/);
  t.is((await run(['rm', 'com.example.app'])).code, 0);
  t.is((await run(['images'])).stdout, '');
});

test('img inspect shows an image, and its manifest byte for byte', async (t) => {
  const { run, built } = await prepare(t);
  const { stdout } = await run(['inspect', 'com.example.app']);
  for (const line of [
    /^name +com\.example\.app:latest$/m,
    new RegExp(`^digest +${built.digest}$`, 'm'),
    /^command +\["\/text"\]$/m,
    /^size +\d+ B compressed, in 1 layer$/m,
    /^layer +sha256:\w{12} +\d+ B/m,
    /^trust +.*no rule/m,
  ]) {
    t.regex(stdout, line);
  }
  const raw = (await run(['inspect', '--raw', `com.example.app@${built.digest}`])).stdout;
  t.is(`sha256:${createHash('sha256').update(raw).digest('hex')}`, built.digest);
  t.like(JSON.parse((await run(['inspect', '--json', 'com.example.app'])).stdout), {
    digest: built.digest,
    kind: 'manifest',
    image: { digest: built.digest, config: { config: { cmd: ['/text'] } } },
    trust: { trusted: false, code: 'NO_RULE' },
  });
});

test('img inspect shows what an image says of itself without letting it act on the terminal', async (t) => {
  const { run, folder } = await prepare(t);
  const recipe = await readFile(join(folder, 'app/img.yaml'), 'utf8');
  const hostile = '\\e[2J\\nimg: done\\u202e';
  await writeFile(
    join(folder, 'app/img.yaml'),
    recipe.replace('run: {', `run: {labels: {a: "${hostile}"}, `),
  );
  t.is((await run(['build', 'app'])).code, 0);
  const { stdout } = await run(['inspect', 'com.example.app']);
  t.regex(stdout, /^label +a=\\u001b\[2J\\u000aimg: done\\u202e$/m);
  t.notRegex((await run(['inspect', '--json', 'com.example.app'])).stdout, /[^\P{Cc}\n]|\p{Cf}/u);
});

test('img tag gives an image another tag or name', async (t) => {
  const { run, built } = await prepare(t);
  t.is(
    (await run(['tag', 'com.example.app:1.0.0', 'com.example.app:stable'])).stdout,
    `com.example.app:stable  ${built.digest}\n`,
  );
  t.is((await run(['tag', 'com.example.app', 'org.other'])).stdout, `org.other:latest  ${built.digest}\n`);
  t.regex((await run(['images', 'org.other'])).stdout, /latest/);
  const refused = await run(['tag', 'com.example.app', `com.example.app@${built.digest}`]);
  t.is(refused.code, 2);
  t.regex(refused.stderr, /a digest is not given/);
});

test('img rm removes a tag, all tags of an image, or by digest, and the content that nothing needs', async (t) => {
  const { run, built } = await prepare(t);
  const first = await run(['rm', 'com.example.app:1.0.0']);
  t.is(first.stdout, 'com.example.app:1.0.0\n');
  t.is(first.stderr, 'removed 1 reference and 0 pieces of content\n', 'latest needs all of it');
  const second = await run(['rm', 'com.example.app']);
  t.is(second.stdout, 'com.example.app:latest\n');
  t.is(second.stderr, 'removed 1 reference and 3 pieces of content\n', 'manifest, config, layer');
  await run(['build', 'app']);
  const third = JSON.parse((await run(['rm', '--json', built.digest.slice(0, 20)])).stdout) as {
    removed: string[];
  };
  t.deepEqual(third.removed.sort(), ['com.example.app:1.0.0', 'com.example.app:latest']);
});

const unknown: readonly [words: string[], stderr: RegExp, reason: string][] = [
  [
    ['rm', 'com.example.ap'],
    /no image com\.example\.ap\n {5}hint: did you mean com\.example\.app\?/,
    'a mistyped name',
  ],
  [
    ['rm', 'com.example.app', 'com.example.app:2'],
    /no image com\.example\.app:2\n {5}hint: it has 1\.0\.0, latest/,
    'one of several is unknown',
  ],
  [['tag', 'com.example.app:2', 'x'], /no image com\.example\.app:2/, 'an unknown tag'],
  [['sign', '--key', 'alice', 'com.example.other'], /no image com\.example\.other/, 'an unknown name'],
  [
    ['push', '127.0.0.1:1/com.example.app:1.0.0'],
    /hint: did you mean com\.example\.app\? This gives it the other name: img tag com\.example\.app:1\.0\.0 127\.0\.0\.1:1\/com\.example\.app:1\.0\.0$/m,
    'an image of another registry',
  ],
  [
    ['push', `com.example.app@sha256:${'0'.repeat(64)}`],
    /no image com\.example\.app@sha256:0000/,
    'an unknown digest',
  ],
];

for (const [words, message, reason] of unknown) {
  test(`img ${words[0]} ends with 4 and changes nothing: ${reason}`, async (t) => {
    const { run } = await prepare(t);
    const { code, stdout, stderr } = await run(words);
    t.is(code, 4);
    t.is(stdout, '');
    t.regex(stderr, message);
    t.is((await run(['images'])).stdout.split('\n').length, 4);
  });
}

test('img refuses to guess which image is meant by a name alone', async (t) => {
  const instance = await prepare(t);
  const { run } = instance;
  await run(['rm', 'com.example.app:latest']);
  t.is((await run(['tag', 'com.example.app', 'com.example.app:only'])).code, 0, 'one image is no guess');
  await writeTestApp(instance, 'two');
  await run(['build', 'app']);
  await run(['rm', 'com.example.app:latest']);
  const { code, stderr } = await run(['tag', 'com.example.app', 'com.example.app:x']);
  t.is(code, 1);
  t.regex(
    stderr,
    /has 2 images com\.example\.app, none of them latest\n {5}hint: name one of the tags 1\.0\.0, only/,
  );
});

test('img copy writes layouts and archives, and reads them back', async (t) => {
  const { run, built, folder } = await prepare(t);
  t.is((await run(['copy', 'host:com.example.app:1.0.0', 'oci:layout'])).code, 0);
  t.is((await run(['copy', 'oci:layout', 'oci-archive:app.tar:1.0.0'])).code, 0);
  await rm(join(folder, 'root'), { recursive: true });
  t.is(
    (await run(['copy', 'oci-archive:app.tar', 'host:com.example.app:again'])).stdout,
    `host:com.example.app:again  ${built.digest}\n`,
  );
  t.regex((await run(['images'])).stdout, /again/);
});

const refusedCopies: readonly [from: string, to: string, code: number, stderr: RegExp, reason: string][] = [
  ['oci:nowhere', 'host:x', 4, /there is no image at "nowhere"/, 'no such folder'],
  ['oci:', 'host:x', 2, /names no file or folder\n {5}hint: write oci:PATH/, 'no path'],
  [
    'host:com.example.app',
    'docker-archive:x.tar',
    2,
    /can only be copied from/,
    'a format that is only read',
  ],
  [
    'host:com.example.app',
    `host:x@sha256:${'0'.repeat(64)}`,
    2,
    /a digest is not given/,
    'a digest as target',
  ],
  ['host:com.example.none', 'oci:layout', 4, /has no image "latest"/, 'no such image'],
  ['oci-archive:app/text', 'host:x', 1, /app\/text/, 'no archive'],
];

for (const [from, to, wanted, message, reason] of refusedCopies) {
  test(`img copy ${from.slice(0, 30)} ${to.slice(0, 20)} is refused: ${reason}`, async (t) => {
    const { run } = await prepare(t);
    const { code, stderr } = await run(['copy', from, to]);
    t.is(code, wanted, stderr);
    t.regex(stderr, message);
  });
}

test('img writes no escape sequences into pipes', async (t) => {
  const { run } = await prepare(t);
  for (const words of [['images'], ['inspect', 'com.example.app'], ['build', 'app'], ['config'], ['help']]) {
    const { stdout, stderr } = await run(words, { variables: { TERM: 'xterm-256color' } });
    t.notRegex(stdout + stderr, /[^\P{Cc}\n]/u, words.join(' '));
  }
});
