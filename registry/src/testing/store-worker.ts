/*
 * A process that works with an image store, for tests of what several processes do to one:
 *
 *   hold ROOT            stores a blob, prints "holding", and waits for ever
 *   interrupt ROOT       stores half of a large blob, prints "half", and waits for ever
 *   fill ROOT            stores one image after the other, printing "stored" each time
 *   work ROOT ID ROUNDS  stores, reads and removes the same images as other workers do
 */
import { randomBytes } from 'node:crypto';
import { parseRegistryHost } from '@img/spec/registry-host';
import type { RepositoryName } from '@img/spec/repository-name';
import { parseTag } from '@img/spec/tag';
import { ImageStore } from '../images/image-store.ts';
import type { StoreRepository } from '../images/store-repository.ts';
import { contentOf, opened, readAll, type TestImage, testImage } from './content.ts';

const [, , mode = '', root = '', ...args] = process.argv;
const store = new ImageStore(root);
const repository = store.repository({
  registry: parseRegistryHost('registry.example.com'),
  repository: 'com.example.app' as RepositoryName,
});

const modes: { readonly [mode: string]: () => Promise<void> } = {
  async hold() {
    const held = contentOf('held by a process');
    await repository.putBlob(held, opened(held.bytes));
    say('holding');
    await forever();
  },
  async interrupt() {
    const large = contentOf(Buffer.alloc(8_000_000, 'x'));
    await repository.putBlob(large, async function* () {
      // The writer is behind by one chunk: when it asks for more, three of these four are in the file.
      for (let start = 0; start < 4_000_000; start += 1_000_000) {
        yield large.bytes.subarray(start, start + 1_000_000);
      }
      say('half');
      await forever();
    });
  },
  async fill() {
    for (let number = 0; ; number += 1) {
      await put(repository, testImage([randomBytes(300_000)]), `tag-${number}`);
      say('stored');
    }
  },
  async work() {
    const [id = '', rounds = '1'] = args;
    for (let round = 0; round < Number(rounds); round += 1) await workOnce(id, round);
    await store.close();
  },
};
await modes[mode]?.();

/** Stores an image that other workers store, too, looks at all of it, and removes it. */
async function workOnce(id: string, round: number): Promise<void> {
  const own = new ImageStore(root);
  const into = own.repository({
    registry: parseRegistryHost('registry.example.com'),
    repository: `com.example.app${id}` as RepositoryName,
  });
  const image = testImage([`shared layer ${round % 3}`, 'layer of all']);
  await put(into, image, '1.0');
  const found = await into.getManifest(parseTag('1.0'));
  if (found === undefined) throw new Error('the manifest is gone');
  for (const { descriptor } of [image.config, ...image.layers]) await readAll(into.getBlob(descriptor));
  // From here on only the tag keeps it.
  await own.close();
  for (const { descriptor } of [image.config, ...image.layers]) await readAll(into.getBlob(descriptor));
  await own.remove(
    { registry: parseRegistryHost('registry.example.com'), repository: into.origin.repository },
    parseTag('1.0'),
  );
}

async function put(into: StoreRepository, image: TestImage, tag: string): Promise<void> {
  const blobs = [image.config, ...image.layers];
  const present = await into.presentBlobs(blobs);
  for (const { descriptor, bytes } of blobs) {
    if (!present.has(descriptor.digest)) await into.putBlob({ descriptor }, opened(bytes));
  }
  await into.putManifest(image.manifest, { tag: parseTag(tag) });
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function forever(): Promise<void> {
  // Keeps the process alive until it is killed.
  await new Promise(() => setInterval(() => undefined, 1_000_000));
}
