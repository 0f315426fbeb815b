import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { needsRoot, needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { type Digest, digestHex, digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import test, { type ExecutionContext } from 'ava';
import { enterPrivateMounts } from '../linux/private-mounts.ts';
import { describeTree } from '../testing/describe-tree.ts';
import { type TarBytes, tarArchive } from '../testing/tar-bytes.ts';
import { makeHost, mounted } from '../testing/tree-host.ts';
import { prepareTree } from './prepare-tree.ts';

// The whole file runs in one child process of AVA, so its private mounts end with it.
test.before(() => {
  if (process.geteuid?.() === 0) enterPrivateMounts();
});

const images = 15;
const layersEach = 4;

for (let seed = 1; seed <= images; seed += 1) {
  test(`umoci unpacks the layers of made-up image ${seed} to the same tree`, async (t) => {
    if (!needsRoot(t) || !needsTool(t, 'umoci')) return;
    const random = randomNumbers(seed);
    const layers = Array.from({ length: layersEach }, (_, index) => madeUpLayer(random, index));
    const { request } = await makeHost(t, ...layers);
    const ours = describeTree(mounted(t, await prepareTree({ ...request, method: 'erofs' })));
    t.deepEqual(comparable(ours), comparable(describeTree(unpack(t, layers))));
  });
}

/** Files, folders, links, whiteouts and opaque folders among few names, so that layers meet often. */
function madeUpLayer(random: (below: number) => number, index: number): Buffer {
  const pick = <T>(values: readonly T[]): T => values[random(values.length)] as T;
  const members = new Map<string, TarBytes>([['./', { path: './', type: '5', mode: 0o755 }]]);
  const files: string[] = [];
  const removals: TarBytes[] = [];
  for (let count = 0; count < 9; count += 1) {
    const names = Array.from({ length: 1 + random(3) }, () => pick(['a', 'b', 'c']));
    const folders = names.slice(0, -1).map((_, at) => names.slice(0, at + 1).join('/'));
    const path = names.join('/');
    const isBlocked = folders.some((folder) => (members.get(folder) ?? { type: '5' }).type !== '5');
    if (isBlocked || members.has(path)) continue;
    for (const folder of folders) {
      members.set(folder, members.get(folder) ?? { path: folder, type: '5', mode: 0o750 + index });
    }
    const folder = folders.at(-1) ?? '.';
    const common = {
      path,
      mode: pick([0o644, 0o4755, 0o600]),
      uid: random(3),
      mtime: 1_000_000_000 + random(1000),
    };
    const kind = random(index === 0 ? 5 : 8);
    if (kind <= 1) {
      members.set(path, { ...common, content: `${index} ${count}` });
      files.push(path);
    } else if (kind === 2) members.set(path, { ...common, type: '5', mode: 0o1755 });
    else if (kind === 3)
      members.set(path, { ...common, type: '2', link: pick(['a', '../b', '/c', 'nowhere']) });
    else if (kind === 4 && files.length > 0) members.set(path, { ...common, type: '1', link: pick(files) });
    else if (kind === 7) removals.push({ path: `${folder}/.wh..wh..opq` });
    else if (index > 0) removals.push({ path: `${folder}/.wh.${names.at(-1)}` });
  }
  return tarArchive(...members.values(), ...removals);
}

/** The image as an OCI layout, unpacked. */
function unpack(t: ExecutionContext, layers: readonly Uint8Array[]): string {
  const folder = temporaryFolder(t);
  const layout = join(folder, 'layout');
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
  const put = (mediaType: string, bytes: Uint8Array) => {
    const digest: Digest = digestOf(bytes);
    writeFileSync(join(layout, 'blobs/sha256', digestHex(digest)), bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const json = (value: object) => Buffer.from(JSON.stringify(value));
  const config = put(
    mediaTypes.ociConfig,
    json({
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => digestOf(layer)) },
    }),
  );
  const manifest = put(
    mediaTypes.ociManifest,
    json({ schemaVersion: 2, config, layers: layers.map((layer) => put(mediaTypes.ociLayer, layer)) }),
  );
  const annotations = { 'org.opencontainers.image.ref.name': 'test' };
  writeFileSync(
    join(layout, 'index.json'),
    json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
  );
  writeFileSync(join(layout, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }));
  execFileSync('umoci', ['unpack', '--image', `${layout}:test`, join(folder, 'bundle')], { stdio: 'pipe' });
  return join(folder, 'bundle/rootfs');
}

/** Without the times of folders, which umoci leaves at when it wrote in them, and its own attributes. */
function comparable(tree: { readonly [path: string]: object }): object {
  return Object.fromEntries(
    Object.entries(tree).map(([path, seen]) => {
      const { mode, mtime, xattrs, ...rest } = seen as {
        mode: string;
        mtime: bigint;
        xattrs: readonly string[];
      };
      const isFolder = mode.startsWith('4');
      const others = xattrs.filter((text) => !text.startsWith('user.rootlesscontainers'));
      return [path, { ...rest, mode, mtime: isFolder ? 0n : mtime, xattrs: others }];
    }),
  );
}

function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    // The constants of the C standard's example of rand().
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor(state / 2 ** 16) % below;
  };
}
