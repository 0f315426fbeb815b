import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { mount, unmount } from '@img/runtime/linux/mount';
import { enterPrivateMounts } from '@img/runtime/linux/private-mounts';
import { tarArchive } from '@img/runtime/testing/tar-bytes';
import type { TestLayer } from '@img/runtime/testing/test-image';
import { digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import test, { type ExecutionContext } from 'ava';
import { setDoubleStage } from '../testing/double-stage.ts';
import { runForRefusal } from '../testing/instance.ts';
import { leftBehind } from '../testing/left-behind.ts';
import { canRunShellApp, writeShellApp } from '../testing/shell-app.ts';
import { putSignedShellImage, shellLayer } from '../testing/shell-image.ts';
import type { TestHost } from '../testing/test-host.ts';

// The whole file runs in one child process of AVA, so its private mounts end with it.
test.before(() => {
  if (process.geteuid?.() === 0) enterPrivateMounts();
});

/** Puts a host's store on a small disk of its own. */
function mountSmallDisk(t: ExecutionContext, root: string): void {
  mkdirSync(root);
  mount({ source: 'small', type: 'tmpfs', target: root, data: 'size=16m' });
  t.teardown(() => unmount(root));
}

const bomb = tarArchive({ path: 'zeros', content: Buffer.alloc(64 * 1024 * 1024) });
const bombs: readonly (readonly [name: string, mediaType: string, compress: () => Uint8Array])[] = [
  ['gzip', mediaTypes.ociLayerGzip, () => gzipSync(bomb)],
  [
    'zstd',
    mediaTypes.ociLayerZstd,
    () => zstdCompressSync(bomb, { params: { [constants.ZSTD_c_compressionLevel]: 3 } }),
  ],
];

for (const [name, mediaType, compress] of bombs) {
  test(`a ${name} layer that is longer than the disk is refused, and its space is free again`, async (t) => {
    if (!canRunShellApp(t)) return;
    const { repository, host } = await setDoubleStage(t);
    mountSmallDisk(t, host.root);
    const layer: TestLayer = { mediaType, bytes: compress(), diffId: digestOf(bomb) };
    await putSignedShellImage(repository, { layers: [shellLayer(), layer] });
    const refusal = await runForRefusal(host, ['run', 'com.example.app:1.0']);
    t.like(refusal, { code: 1, error: { code: 'STORE_FULL' } }, refusal.stderr);
    t.regex(refusal.stderr, /^img: no space is left for a layer in \S+\n {5}hint: /m);
    t.deepEqual(leftBehindOf(host), []);
    await putSignedShellImage(repository, { claim: { sequence: 2 } });
    t.deepEqual(await host.run(['run', 'com.example.app:1.0']), { code: 0, stdout: 'hello\n', stderr: '' });
  });
}

test('img build on a full disk fails, and makes the image when there is space', async (t) => {
  if (!canRunShellApp(t)) return;
  const { host } = await setDoubleStage(t);
  await writeShellApp(host.folder);
  mountSmallDisk(t, host.root);
  const filler = join(host.root, 'filler');
  writeFileSync(filler, Buffer.alloc(15.9 * 1024 * 1024));
  const refusal = await runForRefusal(host, ['build', 'app']);
  t.like(refusal, { code: 1, error: { code: 'STORE_FULL' } }, refusal.stderr);
  t.regex(
    refusal.stderr,
    /^img: no space is left to build "app"\n {5}hint: remove images that are not needed/m,
  );
  t.regex(refusal.error?.hint ?? '', /^remove images/);
  rmSync(filler);
  t.is((await host.run(['build', 'app'])).code, 0);
  t.deepEqual(leftBehindOf(host), []);
});

/** All but the small disk itself. */
function leftBehindOf(host: TestHost): readonly string[] {
  return leftBehind(host).filter((line) => !line.includes(' - tmpfs small '));
}
