import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ImageStore } from '@img/registry/images/image-store';
import type { ManifestContent } from '@img/registry/transfer/content';
import type { Claim } from '@img/sign/statement';
import { needsRoot, needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { testClaim } from '@img/sign/testing/test-claim';
import { testKey } from '@img/sign/testing/test-keys';
import { testDocument, testRule } from '@img/sign/testing/test-policy';
import { encodeTrustDocument } from '@img/sign/trust-document';
import { parseReference } from '@img/spec/reference';
import { parseTag } from '@img/spec/tag';
import test, { type ExecutionContext } from 'ava';
import { image } from './config/testing.ts';
import { hostPlatform } from './launch/host-platform.ts';
import { makeBusyboxTree } from './testing/busybox-tree.ts';
import { type RunHereRequest, testRegistry } from './testing/run-image-here.ts';
import { putTestImage, putTestIndex, signTestImage } from './testing/test-image.ts';

const script = fileURLToPath(new URL('./testing/run-image-here.ts', import.meta.url));
const tag = parseTag('1.0');
const location = parseReference('com.example.app:1.0', { default: testRegistry, aliases: new Map() });
const now = Math.floor(Date.now() / 1000);
const claim = { ...testClaim, issued: now, expires: now + 3600 } as Claim;

/** A registry with one image, which says what it is, and a host that has nothing and trusts Alice. */
async function setUp(t: ExecutionContext) {
  const root = temporaryFolder(t);
  const folders = { store: join(root, 'store'), run: join(root, 'run'), trust: [join(root, 'trust.d')] };
  const [registry, tree] = [join(root, 'registry'), join(root, 'tree')];
  makeBusyboxTree(tree, { 'etc/app': 'hello from the image\n' });
  const layer = execFileSync('tar', ['-C', tree, '-cf', '-', '.'], { maxBuffer: 2 ** 30 });
  const store = new ImageStore(registry);
  t.teardown(() => store.close());
  const repository = store.repository(location);
  const config = image({ platform: hostPlatform(), config: { cmd: ['/bin/cat', '/etc/app'] } });
  const content = await putTestImage(repository, config, { tag, layers: [layer] });
  const sign = (n: number, changes: Partial<Claim> = {}, signed: ManifestContent = content) =>
    signTestImage(repository, testKey(n), { ...claim, ...changes }, signed);
  const trust = (require: number, ...of: readonly string[]) => {
    const document = testDocument(testRule('com.example.', require, of));
    execFileSync('mkdir', ['-p', ...folders.trust]);
    writeFileSync(join(folders.trust[0] ?? '', 'test.json'), encodeTrustDocument(document));
  };
  trust(1, 'alice');
  const run = (request: Partial<RunHereRequest> = {}) =>
    runHere(t, { folders, registry, reference: 'com.example.app:1.0', options: {}, ...request });
  return { folders, registry, repository, content, config, layer, sign, trust, run };
}

async function runHere(t: ExecutionContext, request: RunHereRequest) {
  const child = spawn(process.execPath, [script, JSON.stringify(request)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  const json = stderr.split('\n').find((line) => line.startsWith('{'));
  const error =
    json === undefined
      ? undefined
      : (JSON.parse(json) as { code: string; refusal?: string; message: string });
  return { code, stdout, stderr, error };
}

function canRun(t: ExecutionContext): boolean {
  return needsRoot(t) && needsTool(t, 'crun') && needsTool(t, 'busybox') && needsTool(t, 'tar');
}

function filesIn(folder: string): readonly string[] {
  return (readdirSync(folder, { recursive: true }) as string[])
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .toSorted();
}

test('runImage() fetches, verifies and runs an image, and needs no registry the next time', async (t) => {
  if (!canRun(t)) return;
  const { sign, run, registry, folders } = await setUp(t);
  await sign(1);
  const first = await run();
  t.is(first.stdout, 'hello from the image\n', first.stderr);
  t.is(first.code, 0);
  rmSync(registry, { recursive: true });
  t.is((await run()).stdout, 'hello from the image\n');
  t.is((await run({ options: { entrypoint: ['/bin/sh', '-c', 'exit 9'] } })).code, 9);
  t.deepEqual(readdirSync(join(folders.run, 'containers')), []);
  t.false(readFileSync('/proc/self/mountinfo', 'utf8').includes(folders.run));
});

test('runImage() refuses what the chosen launcher can’t do before it looks for the image', async (t) => {
  if (!canRun(t)) return;
  const { run } = await setUp(t);
  const { code, error } = await run({ runtime: 'nspawn', options: { network: 'bridge' } });
  t.is(code, 70);
  t.is(error?.code, 'RUNTIME_LACKS', 'nobody has signed the image, which would be said otherwise');
});

test('runImage() runs the image of this platform out of an index that was signed', async (t) => {
  if (!canRun(t)) return;
  const { sign, run, repository, content } = await setUp(t);
  const other = await putTestImage(repository, image({ platform: { os: 'linux', architecture: 's390x' } }));
  const index = await putTestIndex(
    repository,
    [
      [{ os: 'linux', architecture: 's390x' }, other],
      [hostPlatform(), content],
    ],
    tag,
  );
  await sign(1, {}, index);
  t.is((await run()).stdout, 'hello from the image\n');
});

for (const [name, arrange, refusal] of [
  ['that nobody has signed', () => Promise.resolve(), 'UNSIGNED'],
  ['signed by somebody else', ({ sign }) => sign(2), 'UNTRUSTED_KEY'],
  ['signed for another tag', ({ sign }) => sign(1, { tag: parseTag('2.0') }), 'OTHER_TAG'],
  [
    'signed by one of two who are required',
    async ({ sign, trust }) => {
      trust(2, 'alice', 'bob');
      await sign(1);
    },
    'TOO_FEW_SIGNERS',
  ],
  [
    'whose signature has expired',
    ({ sign }) => sign(1, { issued: now - 7200, expires: now - 3600 } as Partial<Claim>),
    'EXPIRED',
  ],
  [
    'of a name that no rule covers',
    async ({ sign, folders }) => {
      await sign(1);
      rmSync(folders.trust[0] ?? '', { recursive: true });
    },
    'NO_RULE',
  ],
] as const satisfies readonly (readonly [
  string,
  (host: Awaited<ReturnType<typeof setUp>>) => Promise<void>,
  string,
])[]) {
  test(`runImage() refuses an image ${name}, before it fetches any of it`, async (t) => {
    if (!canRun(t)) return;
    const host = await setUp(t);
    await arrange(host);
    const { code, stdout, error } = await host.run();
    t.is(code, 70);
    t.like(error, { code: 'NOT_TRUSTED', refusal });
    t.is(stdout, '');
    t.false(existsSync(join(host.folders.store, 'layers')));
  });
}

test('runImage() accepts two signatures where two are required', async (t) => {
  if (!canRun(t)) return;
  const { sign, trust, run } = await setUp(t);
  trust(2, 'alice', 'bob');
  await sign(1);
  await sign(2);
  t.is((await run()).stdout, 'hello from the image\n');
});

test('runImage() runs what nobody has signed if told so, and lets the caller say it', async (t) => {
  if (!canRun(t)) return;
  const { run } = await setUp(t);
  const { stdout, stderr } = await run({ insecure: ['signature'] });
  t.is(stdout, 'hello from the image\n');
  t.is(stderr, 'not trusted: UNSIGNED\n');
  t.like((await run()).error, { code: 'NOT_TRUSTED', refusal: 'UNSIGNED' }, 'it was for that once only');
});

test('runImage() runs an image whose layers are only in the image store, as after a build', async (t) => {
  if (!canRun(t)) return;
  const { sign, run, folders, registry } = await setUp(t);
  await sign(1);
  execFileSync('cp', ['-a', registry, folders.store]);
  const { stdout, stderr } = await run({ pull: 'never' });
  t.is(stdout, 'hello from the image\n', stderr);
});

test('runImage() killed at any instant leaves nothing that the next one does not repair', async (t) => {
  if (!canRun(t)) return;
  const { sign, run, folders, registry } = await setUp(t);
  await sign(1);
  const request = { folders, registry, reference: 'com.example.app:1.0', options: {} };
  // Later and later, to meet every stage; whether it meets one is up to the machine.
  for (let round = 0; round < 12; round += 1) {
    const child = spawn(process.execPath, [script, JSON.stringify(request)], { stdio: 'ignore' });
    // It may well have ended before it is killed.
    const ended = once(child, 'exit');
    await delay(150 + round * 40);
    child.kill('SIGKILL');
    await ended;
  }
  const { stdout, stderr } = await run();
  t.is(stdout, 'hello from the image\n', stderr);
  const left = (readdirSync(folders.store, { recursive: true }) as string[]).filter((name) =>
    /\.tmp|\.partial/.test(name),
  );
  t.deepEqual(left, []);
  t.deepEqual(readdirSync(join(folders.run, 'containers')), []);
});

test('runImage() refuses to start when a byte of any file of the store was changed', async (t) => {
  if (!canRun(t)) return;
  const { sign, run, folders } = await setUp(t);
  await sign(1);
  t.is((await run()).code, 0);
  // Locks are empty.
  const files = filesIn(folders.store).filter((path) => statSync(path).size > 0);
  t.true(files.length >= 10, files.join('\n'));
  for (const path of files) {
    const bytes = readFileSync(path);
    const middle = Math.floor(bytes.length / 2);
    writeFileSync(path, bytes.with(middle, (bytes[middle] ?? 0) ^ 1));
    const { code, stdout, error } = await run({ pull: 'never' });
    if (decidesNothing(path, bytes)) t.true(['', 'hello from the image\n'].includes(stdout), path);
    else t.deepEqual([code, stdout], [70, ''], path);
    t.log(
      `${path.slice(folders.store.length, folders.store.length + 40)}: ${error?.code ?? 'not looked at'}`,
    );
    writeFileSync(path, bytes);
  }
  t.is((await run({ pull: 'never' })).stdout, 'hello from the image\n', 'all as it was again');
});

// Entries only say where something is, which is checked then; the configs of signature manifests say nothing.
function decidesNothing(path: string, bytes: Uint8Array): boolean {
  const content = new TextDecoder().decode(bytes);
  return path.includes('/refs/') || content === '{}' || content.startsWith('{"architecture":"unknown"');
}
