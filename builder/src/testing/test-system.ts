import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ImageStore } from '@img/registry/images/image-store';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { type Digest, digestHex } from '@img/spec/digest';
import { type ImageConfig, parseImageConfig } from '@img/spec/image-config';
import { type ImageManifest, parseImageManifest } from '@img/spec/manifest';
import { parsePlatform } from '@img/spec/platform';
import { parseRegistryHost } from '@img/spec/registry-host';
import type { RepositoryName } from '@img/spec/repository-name';
import type { ExecutionContext } from 'ava';
import { type BuildFolderOptions, type BuiltFolder, buildFolder } from '../build-folder.ts';
import { makeSuite, type TestPackage, testNow } from '../debian/testing/test-archive.ts';
import { makeKey, type TestKey } from '../debian/testing/test-keys.ts';
import { startServer, type TestServer } from '../debian/testing/test-server.ts';
import { type DebMember, type DebParts, makeDeb } from './make-deb.ts';

/** Bytes that don't compress and are the same in every run. */
export function noise(seed: string, sizeBytes: number): Buffer {
  const parts = Array.from({ length: Math.ceil(sizeBytes / 64) }, (_, index) => {
    return createHash('sha512').update(`${seed} ${index}`).digest();
  });
  return Buffer.concat(parts).subarray(0, sizeBytes);
}

const folder = (name: string, rest: Partial<DebMember> = {}): DebMember => ({
  name,
  type: 'directory',
  ...rest,
});
const file = (name: string, content: string | Uint8Array, mode = 0o644): DebMember => ({
  name,
  content,
  mode,
});
const link = (name: string, linkname: string): DebMember => ({
  name,
  type: 'symlink',
  linkname,
  mode: 0o777,
});

export type TestDeb = DebParts & {
  readonly name: string;
  readonly fields?: { readonly [field: string]: string };
};

/** The least that an image of a Debian system is made of, and some packages to ask for. */
export const testPackages: readonly TestDeb[] = [
  {
    name: 'base-files',
    version: '13.8',
    data: [
      folder('./tmp/', { mode: 0o1777 }),
      folder('./opt/'),
      file('./usr/lib/os-release', 'ID=test\n'),
      link('./etc/os-release', '../usr/lib/os-release'),
    ],
  },
  {
    name: 'base-passwd',
    data: [
      file(
        './usr/share/base-passwd/passwd.master',
        'root:*:0:0:root:/root:/bin/sh\nwww-data:*:33:33::/:/bin/sh\n',
      ),
      file('./usr/share/base-passwd/group.master', 'root:*:0:\nwww-data:*:33:\n'),
    ],
  },
  { name: 'libc6', data: [file('./lib/x86_64-linux-gnu/libc.so.6', noise('libc', 100_000))] },
  {
    name: 'tool',
    fields: { Depends: 'libc6' },
    data: [
      file('./usr/bin/tool', noise('tool', 80_000), 0o755),
      file('./usr/share/doc/tool/copyright', 'free'),
    ],
  },
  {
    name: 'small',
    fields: { Depends: 'libc6' },
    data: [file('./usr/bin/small', 'x', 0o755), link('./usr/bin/little', 'small')],
  },
  { name: 'script', data: [file('./usr/bin/script', '#!/bin/sh\n', 0o755)] },
  { name: 'dash', data: [file('./usr/bin/dash', 'x', 0o755), link('./usr/bin/sh', 'dash')] },
  { name: 'coreutils', data: [file('./usr/bin/env', 'x', 0o755)] },
  alternative('mawk', 5),
  alternative('gawk', 10),
  { name: 'clash', data: [file('./usr/bin/small', 'other', 0o755)] },
];

function alternative(name: string, priority: number): TestDeb {
  const postinst = `update-alternatives --install /usr/bin/awk awk /usr/bin/${name} ${priority}\n`;
  return { name, control: { postinst }, data: [file(`./usr/bin/${name}`, 'x', 0o755)] };
}

/** A package as an archive serves it. */
export async function archivePackage(deb: TestDeb): Promise<TestPackage> {
  const { fields, ...parts } = deb;
  const { bytes, package: described } = await makeDeb(parts);
  const { name, version, architecture, path, size, digest } = described;
  const stanza = { Package: name, Version: version, Architecture: architecture, ...fields };
  return {
    fields: { ...stanza, Filename: path, Size: String(size), SHA256: digestHex(digest) },
    content: bytes,
  };
}

export type TestSystemOptions = {
  /** What is in the folder besides the img.yaml. */
  readonly files?: { readonly [path: string]: string };
  readonly packages?: readonly TestDeb[];
};

/** What an image is made of, for people. */
export function layersOf({ image }: BuiltFolder): readonly string[] {
  return image.images.flatMap(({ layers }) => layers.map(({ what }) => what));
}

/** The code of the error that a promise fails with. */
export async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  return await promise.then(
    () => 'none',
    (error: { code?: string }) => error.code,
  );
}

/** A signed archive on a server, a folder to build, a cache and a store, all of one test. */
export class TestSystem {
  readonly key: TestKey;
  readonly server: TestServer;
  /** Has img.yaml and what `write` put there. */
  readonly folder: string;
  readonly cacheFolder: string;
  readonly storeFolder: string;
  readonly notes: string[] = [];

  private constructor(key: TestKey, server: TestServer, root: string) {
    this.key = key;
    this.server = server;
    this.folder = join(root, 'folder');
    this.cacheFolder = join(root, 'cache');
    this.storeFolder = join(root, 'store');
  }

  /** @param lines the img.yaml behind name, version and os */
  static async start(
    t: ExecutionContext,
    lines: string,
    options: TestSystemOptions = {},
  ): Promise<TestSystem> {
    const system = new TestSystem(await makeKey(), await startServer(t), temporaryFolder(t));
    await system.publish(options.packages ?? testPackages);
    await system.write({
      'keys.asc': Buffer.from(system.key.keyring).toString(),
      'img.yaml': system.recipe(lines),
      ...options.files,
    });
    return system;
  }

  /** Replaces what the archive has. */
  async publish(packages: readonly TestDeb[], date?: Date): Promise<void> {
    const list = await Promise.all(packages.map(archivePackage));
    const files = await makeSuite({ key: this.key, packages: list, ...(date === undefined ? {} : { date }) });
    this.server.files.clear();
    for (const [path, bytes] of files) this.server.files.set(path, bytes);
  }

  /** Puts files into the folder. */
  async write(files: { readonly [path: string]: string }): Promise<void> {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(this.folder, path)), { recursive: true });
      await writeFile(join(this.folder, path), text);
    }
  }

  /** An img.yaml of these lines behind name, version and os. */
  recipe(lines: string, mirror = this.server.url): string {
    return `name: com.example.app\nversion: 1.2.3\nos: {mirror: "${mirror}", suites: [trixie], keyring: keys.asc}\n${lines}`;
  }

  async build(options: Partial<BuildFolderOptions> = {}, path = this.folder): Promise<BuiltFolder> {
    await using store = new ImageStore(this.storeFolder);
    return await buildFolder(path, {
      targetFor: ({ name }) => openRepository(store, name),
      cacheFolder: this.cacheFolder,
      platform: parsePlatform('linux/amd64'),
      now: testNow,
      onProgress: (event) => {
        if (event.kind === 'note') this.notes.push(event.text);
      },
      ...options,
    });
  }

  /** What the store has under a digest. */
  async read(digest: Digest): Promise<{ manifest: ImageManifest; config: ImageConfig }> {
    await using store = new ImageStore(this.storeFolder);
    const repository = openRepository(store, 'com.example.app' as RepositoryName);
    const content = await repository.getManifest(digest);
    if (content === undefined) throw new Error(`no manifest ${digest}`);
    const manifest = parseImageManifest(content.bytes);
    const config = await Array.fromAsync(repository.getBlob(manifest.config));
    return { manifest, config: parseImageConfig(Buffer.concat(config)) };
  }
}

export function openRepository(store: ImageStore, repository: RepositoryName) {
  return store.repository({ registry: parseRegistryHost('127.0.0.1:5000'), repository });
}
