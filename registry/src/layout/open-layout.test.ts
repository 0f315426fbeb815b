import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { digestOf } from '@img/spec/digest';
import { parseTag } from '@img/spec/tag';
import { verified } from '@img/spec/verified';
import test, { type ExecutionContext } from 'ava';
import { contentOf, opened, readAll, type TestImage, testImage } from '../testing/content.ts';
import { storePlace } from '../testing/places.ts';
import type { ContentTarget } from '../transfer/content.ts';
import { copy } from '../transfer/copy.ts';
import { ArchiveTarget } from './archive-target.ts';
import { LayoutTarget } from './layout-target.ts';
import { openLayout } from './open-layout.ts';
import { encodeTarHeader, padded } from './tar-header.ts';

const image = testImage([tarOfOneFile('hello.txt', 'hello')]);
const tag = parseTag('1.0');

async function put(target: ContentTarget, { config, layers, manifest }: TestImage): Promise<void> {
  for (const { descriptor, bytes } of [config, ...layers])
    await target.putBlob({ descriptor }, opened(bytes));
  await target.putManifest(manifest, { tag });
}

/** A folder with the files of a layout, so that a test can change them. */
async function layoutFolder(t: ExecutionContext): Promise<string> {
  const folder = join(temporaryFolder(t), 'layout');
  await put(await LayoutTarget.open(folder), image);
  return folder;
}

function archive(t: ExecutionContext, files: { readonly [name: string]: string | Uint8Array }): string {
  const path = join(temporaryFolder(t), 'image.tar');
  const entries = Object.entries(files).flatMap(([name, content]) => {
    const bytes = Buffer.from(content);
    return [encodeTarHeader(name, bytes.byteLength), padded(bytes)];
  });
  writeFileSync(path, Buffer.concat([...entries, Buffer.alloc(1024)]));
  return path;
}

test('what is neither folder nor file is not there', async (t) => {
  await t.throwsAsync(openLayout(join(temporaryFolder(t), 'absent')), { code: 'CONTENT_MISSING' });
});

test('a tar archive of something else is named as such', async (t) => {
  await t.throwsAsync(openLayout(archive(t, { 'README.md': 'hello' })), {
    code: 'ARCHIVE_INVALID',
    message: /neither oci-layout nor manifest\.json/,
  });
});

for (const [why, change] of [
  ['no marker', (folder: string) => writeFileSync(join(folder, 'oci-layout'), '')],
  [
    'another version',
    (folder: string) => writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"2.0.0"}'),
  ],
  ['a marker without version', (folder: string) => writeFileSync(join(folder, 'oci-layout'), '{}')],
  ['an index that is no JSON', (folder: string) => writeFileSync(join(folder, 'index.json'), 'hello')],
  [
    'a manifest as its index',
    (folder: string) => writeFileSync(join(folder, 'index.json'), image.manifest.bytes),
  ],
  [
    'a digest in its index that is a path',
    (folder: string) => {
      const manifests = [{ mediaType: 'a/b', digest: 'sha256:../../../../etc/passwd', size: 1 }];
      writeFileSync(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
    },
  ],
] as const) {
  test(`a layout with ${why} is refused`, async (t) => {
    const folder = await layoutFolder(t);
    change(folder);
    const error = await t.throwsAsync(openLayout(folder), { code: 'LAYOUT_INVALID' });
    t.true(error?.message.startsWith(`${folder} is no image layout`));
  });
}

test('a link in place of a blob is not followed', async (t) => {
  const folder = await layoutFolder(t);
  const secret = contentOf('a file of this machine');
  const path = join(folder, '..', 'secret');
  writeFileSync(path, secret.bytes);
  symlinkSync(path, join(folder, 'blobs', 'sha256', secret.descriptor.digest.slice('sha256:'.length)));
  await using layout = await openLayout(folder);
  await t.throwsAsync(readAll(layout.getBlob(secret.descriptor)), { code: 'CONTENT_MISSING' });
});

test('a manifest that was changed is refused', async (t) => {
  const folder = await layoutFolder(t);
  const { digest } = image.manifest.descriptor;
  writeFileSync(join(folder, 'blobs', 'sha256', digest.slice('sha256:'.length)), image.config.bytes);
  await using layout = await openLayout(folder);
  await t.throwsAsync(layout.getManifest(tag), { code: 'DIGEST_MISMATCH' });
});

test('a digest that names no manifest is refused as one', async (t) => {
  await using layout = await openLayout(await layoutFolder(t));
  await t.throwsAsync(layout.getManifest(image.config.descriptor.digest), { code: 'IMAGE_INVALID' });
});

for (const [why, annotations, isFound] of [
  ['the tag alone', { 'org.opencontainers.image.ref.name': '1.0' }, true],
  ['a whole reference', { 'org.opencontainers.image.ref.name': 'docker.io/library/app:1.0' }, true],
  [
    "containerd's name beside the tag",
    { 'io.containerd.image.name': 'docker.io/library/app:1.0', 'org.opencontainers.image.ref.name': '1.0' },
    true,
  ],
  ['another tag', { 'org.opencontainers.image.ref.name': '11.0' }, false],
  ['nothing', {}, false],
] as const) {
  test(`an image that is named by ${why} is ${isFound ? '' : 'not '}found by its tag`, async (t) => {
    const folder = await layoutFolder(t);
    const manifests = [{ ...image.manifest.descriptor, annotations }];
    writeFileSync(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
    await using layout = await openLayout(folder);
    t.is(
      (await layout.getManifest(tag))?.descriptor.digest,
      isFound ? image.manifest.descriptor.digest : undefined,
    );
    t.is(layout.images.length, 1);
  });
}

test('a layout is added to, and what others wrote into it stays', async (t) => {
  const folder = await layoutFolder(t);
  const before = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'));
  before.manifests[0].annotations['com.example.kept'] = 'yes';
  writeFileSync(join(folder, 'index.json'), JSON.stringify(before));
  const target = await LayoutTarget.open(folder);
  const second = testImage(['second']);
  for (const { descriptor, bytes } of [second.config, ...second.layers]) {
    await target.putBlob({ descriptor }, opened(bytes));
  }
  await target.putManifest(second.manifest, { tag: parseTag('2.0') });
  const { manifests } = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'));
  t.is(manifests.length, 2);
  t.is(manifests[0].annotations['com.example.kept'], 'yes');
});

test('a folder with something else in it does not become a layout', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'index.json'), '{"name":"a web application"}');
  await t.throwsAsync(LayoutTarget.open(folder), { code: 'LAYOUT_INVALID' });
  t.deepEqual(readdirSync(folder), ['index.json']);
});

test('an archive appears with commit() only, and nothing is left beside it', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'image.tar');
  {
    await using abandoned = await ArchiveTarget.create(path);
    await put(abandoned, image);
  }
  t.deepEqual(readdirSync(folder), []);
  {
    await using target = await ArchiveTarget.create(path);
    await put(target, image);
    t.false(existsSync(path));
    await target.commit();
  }
  t.deepEqual(readdirSync(folder), ['image.tar']);
});

test('the same image makes the same archive, in whatever order it came', async (t) => {
  const digests = new Set<string>();
  for (const blobs of [
    [image.config, ...image.layers],
    [...image.layers, image.config],
  ]) {
    const path = join(temporaryFolder(t), 'image.tar');
    await using target = await ArchiveTarget.create(path);
    for (const { descriptor, bytes } of blobs) await target.putBlob({ descriptor }, opened(bytes));
    await target.putManifest(image.manifest, { tag });
    await target.commit();
    digests.add(digestOf(readFileSync(path)));
  }
  t.is(digests.size, 1);
});

function dockerFiles(
  layer: string | Uint8Array,
  change: object = {},
): { [name: string]: string | Uint8Array } {
  const config = {
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [digestOf(Buffer.from(layer))] },
  };
  const entry = {
    Config: 'config.json',
    RepoTags: ['app:1.0', 'app:latest'],
    Layers: ['abc/layer.tar'],
    ...change,
  };
  return {
    'abc/layer.tar': layer,
    'config.json': JSON.stringify(config),
    'manifest.json': JSON.stringify([entry]),
  };
}

test('an archive of docker save is read as an OCI image, always the same one', async (t) => {
  const layer = randomBytes(50_000);
  const path = archive(t, dockerFiles(layer));
  await using source = await openLayout(path);
  t.deepEqual(
    source.images.map(({ name }) => name),
    ['app:1.0', 'app:latest'],
  );
  const { target, source: result } = await storePlace(t);
  const { descriptor } = await copy({ source, target, reference: tag, tags: [tag] });
  t.is(descriptor.digest, source.images[0]?.descriptor.digest ?? digestOf(new Uint8Array()));
  const layerDescriptor = contentOf(layer).descriptor;
  const found = (await result()).getBlob(layerDescriptor);
  t.true(Buffer.from(await readAll(verified(found, layerDescriptor))).equals(layer));
  await using again = await openLayout(archive(t, dockerFiles(layer)));
  t.is(again.images[0]?.descriptor.digest, descriptor.digest);
});

test('a layer of docker save that is not what its config says is refused when it is read', async (t) => {
  const files = { ...dockerFiles('layer'), 'abc/layer.tar': 'other' };
  await using source = await openLayout(archive(t, files));
  const { target } = await storePlace(t);
  await t.throwsAsync(copy({ source, target, reference: tag, tags: [tag] }), { code: 'DIGEST_MISMATCH' });
});

for (const [why, files] of [
  ['no list', { 'manifest.json': '{}' }],
  ['no JSON', { 'manifest.json': 'hello' }],
  ['a config that is missing', { 'manifest.json': '[{"Config":"absent","Layers":[]}]' }],
  ['a layer that is missing', dockerFiles('layer', { Layers: ['absent'] })],
  ['fewer layers than its config', dockerFiles('layer', { Layers: [] })],
  ['names that are no strings', dockerFiles('layer', { RepoTags: [1] })],
  ['a config that is no image config', { ...dockerFiles('layer'), 'config.json': '[]' }],
] as const) {
  test(`an archive of docker save with ${why} is refused`, async (t) => {
    await t.throwsAsync(openLayout(archive(t, files)), { code: 'ARCHIVE_INVALID' });
  });
}

test('an archive that is a layout and of docker save is read as a layout', async (t) => {
  const folder = await layoutFolder(t);
  const names = readdirSync(join(folder, 'blobs', 'sha256')).map((name) => `blobs/sha256/${name}`);
  const files = ['oci-layout', 'index.json', ...names].map((name) => [
    name,
    readFileSync(join(folder, name)),
  ]);
  await using source = await openLayout(
    archive(t, { ...dockerFiles('layer'), ...Object.fromEntries(files) }),
  );
  t.is((await source.getManifest(tag))?.descriptor.digest, image.manifest.descriptor.digest);
});

test('umoci unpacks the layout that was written', async (t) => {
  if (!needsTool(t, 'umoci')) return;
  const folder = await layoutFolder(t);
  const bundle = join(temporaryFolder(t), 'bundle');
  execFileSync('umoci', ['unpack', '--rootless', '--image', `${folder}:1.0`, bundle], { stdio: 'pipe' });
  t.is(readFileSync(join(bundle, 'rootfs', 'hello.txt'), 'utf8'), 'hello');
});

for (const [kind, transport] of [
  ['layout', 'oci'],
  ['archive', 'oci-archive'],
] as const) {
  test(`skopeo reads the ${kind} that was written, and what skopeo writes is read`, async (t) => {
    if (!needsTool(t, 'skopeo')) return;
    const folder = temporaryFolder(t);
    const path = join(folder, 'written');
    if (kind === 'layout') {
      await put(await LayoutTarget.open(path), image);
    } else {
      await using target = await ArchiveTarget.create(path);
      await put(target, image);
      await target.commit();
    }
    const copied = (to: string) => {
      const options = ['--insecure-policy', '--tmpdir', folder, 'copy', '--quiet', '--preserve-digests'];
      execFileSync('skopeo', [...options, `${transport}:${path}:1.0`, to], { stdio: 'pipe' });
    };
    copied(`oci:${join(folder, 'layout')}:1.0`);
    copied(`oci-archive:${join(folder, 'archive.tar')}:1.0`);
    for (const name of ['layout', 'archive.tar']) {
      await using source = await openLayout(join(folder, name));
      t.is((await source.getManifest(tag))?.descriptor.digest, image.manifest.descriptor.digest);
    }
  });
}

test("skopeo's docker-archive is read", async (t) => {
  if (!needsTool(t, 'skopeo')) return;
  const folder = temporaryFolder(t);
  await put(await LayoutTarget.open(join(folder, 'layout')), image);
  const path = join(folder, 'docker.tar');
  mkdirSync(join(folder, 'tmp'));
  const options = ['--insecure-policy', '--tmpdir', join(folder, 'tmp'), 'copy', '--quiet'];
  execFileSync(
    'skopeo',
    [...options, `oci:${join(folder, 'layout')}:1.0`, `docker-archive:${path}:app:1.0`],
    {
      stdio: 'pipe',
    },
  );
  await using source = await openLayout(path);
  const { target, source: result } = await storePlace(t);
  await copy({ source, target, reference: tag, tags: [tag] });
  const { descriptor } = image.layers[0] ?? contentOf('');
  await t.notThrowsAsync(readAll(verified((await result()).getBlob(descriptor), descriptor)));
});

function tarOfOneFile(name: string, content: string): Uint8Array {
  const bytes = Buffer.from(content);
  return Buffer.concat([encodeTarHeader(name, bytes.byteLength), padded(bytes), Buffer.alloc(1024)]);
}
