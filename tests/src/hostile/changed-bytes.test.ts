import { copyFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContentTarget, ManifestContent } from '@img/registry/transfer/content';
import { hostPlatform } from '@img/runtime/launch/host-platform';
import { tarArchive } from '@img/runtime/testing/tar-bytes';
import { putTestIndex } from '@img/runtime/testing/test-image';
import { type Digest, digestHex } from '@img/spec/digest';
import { parseTag } from '@img/spec/tag';
import test, { type ExecutionContext } from 'ava';
import { type DoubleStage, setDoubleStage } from '../testing/double-stage.ts';
import { runForRefusal } from '../testing/instance.ts';
import { leftBehind } from '../testing/left-behind.ts';
import { canRunShellApp } from '../testing/shell-app.ts';
import {
  putShellImage,
  putSignedShellImage,
  shellLayer,
  shellTag,
  signShellImage,
} from '../testing/shell-image.ts';
import { done } from '../testing/stage.ts';
import type { TestHost } from '../testing/test-host.ts';
import { type ChangedByte, changedBytes } from './changed-bytes.ts';

const tagged = 'com.example.app:1.0';
const isRun = { code: 0, stdout: 'hello\n', stderr: '' };

type Put = (repository: ContentTarget) => Promise<{
  /** What is asked for. */
  readonly reference: string;
  /** What is run. */
  readonly image: ManifestContent;
}>;

/** How an image is asked for; each leads through other files of the store. */
const ways: { readonly [way: string]: Put } = {
  'by its tag': async (repository) => {
    return { reference: tagged, image: await putSignedShellImage(repository) };
  },
  'by its digest': async (repository) => {
    const image = await putSignedShellImage(repository);
    return { reference: `com.example.app@${image.descriptor.digest}`, image };
  },
  'out of an index': async (repository) => {
    const image = await putShellImage(repository);
    await signShellImage(repository, await putIndex(repository, image));
    return { reference: tagged, image };
  },
};

for (const [way, put] of Object.entries(ways)) {
  test(`img run finds a changed byte of anything that an image ${way} rests on`, async (t) => {
    if (!canRunShellApp(t)) return;
    const { host, repository } = await setDoubleStage(t);
    const { reference, image } = await put(repository);
    t.deepEqual(await host.run(['run', reference]), isRun);
    for (const row of changedBytes.filter(({ ways: only }) => only === undefined || only.includes(way))) {
      for (const path of filesOf(t, host, image, row)) await isFound(t, host, reference, path, row);
    }
    t.deepEqual(await host.run(['run', reference]), isRun, 'all as it was again');
    t.deepEqual(leftBehind(host), []);
  });
}

function filesOf(
  t: ExecutionContext,
  { folder }: TestHost,
  image: ManifestContent,
  { what, path, content = /(?:)/ }: ChangedByte,
): readonly string[] {
  const hex = digestHex(image.descriptor.digest);
  const found = (readdirSync(folder, { recursive: true }) as string[]).filter((name) => {
    const file = join(folder, name);
    if (!path.test(name.replace(hex, 'IMAGE')) || !statSync(file).isFile()) return false;
    return content.test(readFileSync(file, 'latin1'));
  });
  t.not(found.length, 0, `there is ${what}`);
  return found.map((name) => join(folder, name));
}

async function isFound(
  t: ExecutionContext,
  host: TestHost,
  reference: string,
  path: string,
  { what, at, code, reason, exitCode, why }: ChangedByte,
): Promise<void> {
  const bytes = readFileSync(path);
  const place = at === undefined ? bytes.length >> 1 : bytes.toString('latin1').search(at);
  t.true(place >= 0, `${what} has ${at}`);
  // The lowest bit: a digit stays a digit.
  writeFileSync(path, bytes.with(place, (bytes[place] ?? 0) ^ 1));
  const refusal = await runForRefusal(host, ['run', reference]);
  t.like(refusal, { code: exitCode, error: { code, reason } }, `${what}: ${why}\n${refusal.stderr}`);
  t.regex(refusal.stderr, /^img: .+\n {5}hint: .+\n$/, what);
  writeFileSync(path, bytes);
}

test('img pull repairs whatever was changed of an image, as the refusal of img run says', async (t) => {
  if (!canRunShellApp(t)) return;
  const { host, repository } = await setDoubleStage(t);
  await putSignedShellImage(repository);
  t.deepEqual(await host.run(['run', tagged]), isRun);
  for (const name of readdirSync(host.root, { recursive: true }) as string[]) {
    const file = join(host.root, name);
    if (!/^(?:blobs|layers|trees|refs)\//.test(name) || !statSync(file).isFile()) continue;
    const bytes = readFileSync(file);
    const middle = bytes.length >> 1;
    if (bytes.length > 0) writeFileSync(file, bytes.with(middle, (bytes[middle] ?? 0) ^ 1));
  }
  const { code, error } = await runForRefusal(host, ['run', tagged]);
  t.is(code, 3);
  t.regex(error?.hint ?? '', /img pull \S+\/com\.example\.app:1\.0/);
  const pulled = await host.run(['pull', tagged]);
  t.is(pulled.code, 0, pulled.stderr);
  t.deepEqual(await host.run(['run', tagged]), isRun);
  t.deepEqual(leftBehind(host), []);
});

test('img verify --deep says what is damaged, and img repair brings it back while an app runs', async (t) => {
  if (!canRunShellApp(t)) return;
  const { host, repository } = await setDoubleStage(t);
  await putSignedShellImage(repository);
  t.teardown(() => host.run(['rm', '--force', 'running']));
  await done(host, ['run', '--detach', '--name', 'running', tagged, 'sleep', '1000']);
  t.like(await host.run(['verify', '--deep', tagged]), { code: 0 });
  const [layer = ''] = readdirSync(join(host.root, 'layers')).filter((name) => name.endsWith('.tar'));
  const bytes = readFileSync(join(host.root, 'layers', layer));
  writeFileSync(join(host.root, 'layers', layer), bytes.with(100, 1));
  const verified = await host.run(['verify', '--deep', tagged]);
  t.like(verified, { code: 3, stdout: '' });
  t.true(verified.stderr.includes(layer), verified.stderr);
  t.regex(verified.stderr, /hint: .*img repair \S*com\.example\.app:1\.0\n$/);
  const found = JSON.parse((await host.run(['verify', '--json', '--deep', tagged])).stdout) as object;
  t.like(found, { damaged: [{ kind: 'layer' }] });
  const repaired = await host.run(['repair', tagged]);
  t.like(repaired, { code: 0 }, repaired.stderr);
  t.regex(repaired.stdout, /repaired {2}the layer sha256:/);
  t.deepEqual(await host.run(['run', tagged]), isRun);
  t.like(await host.run(['exec', 'running', '/bin/busybox', 'true']), { code: 0 });
  t.like(await host.run(['repair', '--all', '--json']), { code: 0 });
});

test('img repair ends with 1 and says why if the registry has no more what is damaged', async (t) => {
  const { host, repository, double } = await setDoubleStage(t);
  await putSignedShellImage(repository, { layers: [tarArchive({ path: 'file' })] });
  await done(host, ['pull', tagged]);
  const layers = join(host.root, 'layers');
  for (const name of readdirSync(layers)) writeFileSync(join(layers, name), '');
  double.blobs.clear();
  const { code, stdout, stderr } = await host.run(['repair', tagged]);
  t.is(code, 1);
  t.regex(stdout, /damaged {3}the layer sha256:/);
  t.regex(stderr, /^img: .+ 404 .+\n.+ is still damaged in 1 place; .+: img rm com\.example\.app:1\.0\n$/);
  t.like(await host.run(['repair']), { code: 2 });
});

/** What somebody does who can write to the store, with files that are whole. */
const exchanges: readonly {
  readonly what: string;
  readonly exchange: (stage: DoubleStage, signed: ManifestContent, other: ManifestContent) => void;
  readonly refusal: { readonly code: string; readonly reason?: string };
}[] = [
  {
    what: 'the tag leads to another image, which nobody signed',
    exchange: ({ host }, _, other) => writeFileSync(entry(host, 'tags/1.0'), entryOf(other)),
    refusal: { code: 'NOT_TRUSTED', reason: 'UNSIGNED' },
  },
  {
    what: 'the entry of the image inside of a signed index leads to another one',
    exchange: ({ host }, signed, other) => {
      writeFileSync(entry(host, `manifests/${fileName(signed.descriptor.digest)}`), entryOf(other));
    },
    refusal: { code: 'IMAGE_DAMAGED' },
  },
  {
    what: 'the manifest is that of another image',
    exchange: ({ host }, signed, other) =>
      copyOver(join(host.root, 'blobs/sha256'), digestHex, signed, other),
    refusal: { code: 'IMAGE_DAMAGED' },
  },
  {
    what: 'the tree is that of another image',
    exchange: ({ host }, signed, other) =>
      copyOver(join(host.root, 'trees'), (digest) => `${fileName(digest)}.erofs`, signed, other),
    refusal: { code: 'IMAGE_DAMAGED' },
  },
];

for (const { what, exchange, refusal } of exchanges) {
  test(`img run refuses an image when ${what}`, async (t) => {
    if (!canRunShellApp(t)) return;
    const stage = await setDoubleStage(t);
    const { host, repository } = stage;
    const layers = [shellLayer(), tarArchive({ path: 'other' })];
    const other = await putShellImage(repository, { says: 'owned', layers, tag: parseTag('other') });
    t.like(await host.run(['run', '-q', '--insecure', 'signature', 'com.example.app:other']), {
      stdout: 'owned\n',
    });
    const signed = await putShellImage(repository);
    await signShellImage(repository, await putIndex(repository, signed));
    t.deepEqual(await host.run(['run', tagged]), isRun);
    exchange(stage, signed, other);
    t.like(await runForRefusal(host, ['run', tagged]), { code: 3, error: refusal });
    t.deepEqual(
      leftBehind(host).filter((line) => !line.startsWith('in the store: ')),
      [],
    );
  });
}

function putIndex(repository: ContentTarget, content: ManifestContent): Promise<ManifestContent> {
  return putTestIndex(repository, [[hostPlatform(), content]], shellTag);
}

function entry(host: TestHost, name: string): string {
  const [repository = ''] = readdirSync(join(host.root, 'refs'));
  return join(host.root, 'refs', repository, name);
}

function entryOf({ descriptor: { mediaType, digest, size } }: ManifestContent): string {
  return `${JSON.stringify({ mediaType, digest, size })}\n`;
}

function fileName(digest: Digest): string {
  return digest.replace(':', '-');
}

/** Puts the file of one manifest in the place of another one's. */
function copyOver(
  folder: string,
  name: (digest: Digest) => string,
  to: ManifestContent,
  from: ManifestContent,
): void {
  const [source, target] = [from, to].map(({ descriptor }) => join(folder, name(descriptor.digest)));
  copyFileSync(source ?? '', target ?? '');
}
