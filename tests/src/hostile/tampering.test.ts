import {
  chmodSync,
  copyFileSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { ContentSource } from '@img/registry/transfer/content';
import { parseAppName } from '@img/runtime/apps/app-name';
import { firstState } from '@img/runtime/apps/app-state';
import { Host } from '@img/runtime/host';
import { installImage } from '@img/runtime/install-image';
import { hostPlatform } from '@img/runtime/launch/host-platform';
import { putTestIndex } from '@img/runtime/testing/test-image';
import type { ImageTree } from '@img/runtime/tree/image-tree';
import type { TreeMethod } from '@img/runtime/tree/tree';
import { CodedError } from '@img/spec/coded-error';
import type { Digest } from '@img/spec/digest';
import { formatReference, parseReference, type Reference } from '@img/spec/reference';
import { parseRegistryHost } from '@img/spec/registry-host';
import test from 'ava';
import { setDoubleStage } from '../testing/double-stage.ts';
import { canRunShellApp } from '../testing/shell-app.ts';
import { putShellImage, shellTag, signShellImage } from '../testing/shell-image.ts';
import { done } from '../testing/stage.ts';
import type { TestHost } from '../testing/test-host.ts';
import { type KeptFile, keptFiles, type Tampering } from './tampering.ts';

const appName = parseAppName('web');

const tamperings: { readonly [tampering in Tampering]: (path: string) => void } = {
  flip: (path) => {
    const bytes = readFileSync(path);
    const place = Math.floor(bytes.length / 3);
    writeFileSync(path, bytes.with(place, (bytes[place] ?? 0) ^ 1));
  },
  truncate: (path) => truncateSync(path, lstatSync(path).size >> 1),
  replace: (path) => {
    writeFileSync(`${path}.new`, Buffer.alloc(lstatSync(path).size), { mode: lstatSync(path).mode });
    renameSync(`${path}.new`, path);
  },
  open: (path) => chmodSync(path, 0o666),
  remove: (path) => rmSync(path),
};

test('a start notices whatever was done to any file that a host keeps, or starts the same as before', async (t) => {
  if (!canRunShellApp(t)) return;
  const { host, repository } = await setDoubleStage(t);
  const image = await putTestIndex(repository, [[hostPlatform(), await putShellImage(repository)]], shellTag);
  await signShellImage(repository, image);
  t.teardown(() => host.run(['rm', '--force', 'running']));
  await done(host, ['run', '--detach', '--name', 'running', 'com.example.app:1.0', 'sleep', '1000']);
  const registry = parseRegistryHost(host.variables['IMG_REGISTRY'] ?? '');
  const reference = parseReference('com.example.app:1.0', { default: registry, aliases: new Map() });
  await addApp(host, reference, image.descriptor.digest);
  for (const reader of ['image', 'checkout', 'app'] as const) {
    const before = await read(host, reference, reader);
    t.is(typeof before, 'object', `${reader}: ${JSON.stringify(before)}`);
  }
  const rest = new Set(filesOf(host));
  const wrong: string[] = [];
  for (const row of keptFiles) {
    const paths = [...rest].filter((path) => isOf(host, path, row));
    t.not(paths.length, 0, `there is ${row.what}`);
    for (const path of paths) rest.delete(path);
    for (const path of paths) wrong.push(...(await tamper(host, reference, path, row)));
  }
  t.deepEqual(wrong, []);
  t.deepEqual([...rest], [], 'a kind of file without a row: say what happens if somebody changes it');
});

async function tamper(
  host: TestHost,
  reference: Reference,
  path: string,
  { what, reader, outcomes, why }: KeptFile,
): Promise<readonly string[]> {
  const file = join(host.folder, path);
  const before = await read(host, reference, reader);
  const wrong: string[] = [];
  for (const tampering of Object.keys(tamperings) as Tampering[]) {
    if (tampering === 'flip' && lstatSync(file).size === 0) continue;
    const restore = keep(file, join(host.folder, 'kept'));
    tamperings[tampering](file);
    const after = await read(host, reference, reader);
    restore();
    const seen = typeof after === 'string' ? after : isDeepStrictEqual(before, after) ? 'same' : 'another';
    if (![outcomes[tampering]].flat().includes(seen))
      wrong.push(`${tampering} ${what}: ${seen}, though ${why}`);
  }
  return wrong;
}

/** Puts a copy in the place of a file; what is returned brings back the file itself, with its hard links and times. */
function keep(file: string, kept: string): () => void {
  const [{ mode, atime, mtime }, folder] = [lstatSync(file), lstatSync(dirname(file))];
  renameSync(file, kept);
  copyFileSync(kept, file);
  chmodSync(file, mode);
  utimesSync(file, atime, mtime);
  return () => {
    renameSync(kept, file);
    utimesSync(dirname(file), folder.atime, folder.mtime);
  };
}

async function read(
  host: TestHost,
  reference: Reference,
  reader: KeptFile['reader'],
): Promise<object | string> {
  try {
    return reader === 'app' ? await readApp(host) : await readImage(host, reference, reader);
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
}

/** What would be launched. */
async function readImage(
  testHost: TestHost,
  reference: Reference,
  reader: 'image' | 'checkout',
): Promise<object> {
  await using host = hostOf(testHost, reader === 'checkout' ? 'checkout' : 'erofs');
  const installed = await installImage({ reference, remote: nowhere, pull: 'never', insecure: [] }, host);
  const { descriptor, config, tree, decision } = installed;
  return { descriptor, config, tree: (tree as ImageTree).root, trusted: decision.trusted };
}

async function readApp(testHost: TestHost): Promise<object> {
  await using host = hostOf(testHost, 'erofs');
  const { current } = await host.apps.state(appName);
  return await host.apps.generation(appName, current);
}

async function addApp(testHost: TestHost, reference: Reference, digest: Digest): Promise<void> {
  await using host = hostOf(testHost, 'erofs');
  const source = formatReference(reference);
  const { number } = await host.apps.addGeneration(appName, {
    created: new Date().toISOString(),
    source,
    digest,
    signers: ['Alice'],
    stopSignal: 15,
    definition: { image: source },
  });
  await host.apps.writeState(appName, firstState(number));
}

function hostOf({ root, runFolder, trustDocument }: TestHost, treeMethod: TreeMethod): Host {
  return new Host({ store: root, run: runFolder, trust: [dirname(trustDocument)] }, { treeMethod });
}

const unreachable = () => Promise.reject(new Error('a start of what is here asks no registry'));
const nowhere: ContentSource = {
  name: 'nowhere',
  getManifest: unreachable,
  getBlob: () => {
    throw new Error('a start of what is here asks no registry');
  },
  listReferrers: unreachable,
};

function filesOf({ folder }: TestHost): readonly string[] {
  const paths = readdirSync(folder, { recursive: true }) as string[];
  return paths.filter((path) => lstatSync(join(folder, path)).isFile()).toSorted();
}

function isOf({ folder }: TestHost, path: string, { path: pattern, content = /(?:)/ }: KeptFile): boolean {
  const name = path.replace(/[0-9a-f]{64}/g, 'HEX').replace(/[0-9a-f]{16}|\d{16}/g, 'NUMBER');
  return pattern.test(name) && content.test(readFileSync(join(folder, path), 'latin1'));
}
