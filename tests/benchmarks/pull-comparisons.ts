import { createCipheriv } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { runCommand } from './command.ts';
import { type Comparison, type UsedTime, useTime } from './used-time.ts';
import type { Workshop } from './workshop.ts';

const files = 17_000;
const filesPerFolder = 100;
const fileBytes = 38_800;
const seed = Buffer.alloc(16, 1);

/** Builds and signs an image like a large app: 660 MB in 17,000 files, half of which compresses well. */
export async function publishLargeImage(workshop: Workshop): Promise<string> {
  const folder = workshop.path('large');
  // The same bytes in each run.
  const random = createCipheriv('aes-128-ctr', seed, seed);
  for (let index = 0; index < files; index += 1) {
    const place = join(folder, 'tree', String(Math.floor(index / filesPerFolder)));
    if (index % filesPerFolder === 0) await mkdir(place, { recursive: true });
    const half = random.update(Buffer.alloc(fileBytes / 2));
    const text = `file ${index}, which says the same again and again\n`;
    await writeFile(join(place, `${index}.bin`), Buffer.concat([half, Buffer.alloc(fileBytes / 2, text)]));
  }
  await writeFile(
    join(folder, 'img.yaml'),
    'name: com.example.large\nversion: 1.0.0\nos: scratch\nfiles:\n  - {from: tree, to: /tree, mode: "0755"}\nrun: {cmd: [/tree/0/0.bin]}\n',
  );
  const image = workshop.repository.replace('com.example.app', 'com.example.large');
  // umoci knows no zstd.
  await runCommand(workshop.img('publisher', 'build', '--compress', 'gzip', folder));
  await rm(folder, { recursive: true });
  await runCommand(workshop.img('publisher', 'sign', '--key', 'alice', image));
  await runCommand(workshop.img('publisher', 'push', `${image}:latest`));
  return image;
}

/** Pulls it into an empty store until it can be started. */
export function pullComparison(workshop: Workshop, image: string, afterLastByte: number[]): Comparison {
  const [root, runRoot] = [workshop.path('skopeo/store'), workshop.path('skopeo/run')];
  const source = ['skopeo', 'copy', '--quiet', '--src-tls-verify=false', `docker://${image}:latest`];
  const unpack = `"$@" "oci:$IMG_PLACE/layout:latest" && umoci unpack --image "$IMG_PLACE/layout:latest" "$IMG_PLACE/bundle"`;
  const emptied = (name: string, measure: () => Promise<UsedTime>) => async () => {
    await workshop.unmountStores();
    await rm(workshop.path(name), { recursive: true, force: true });
    return await measure();
  };
  const umoci = {
    line: ['sh', '-c', unpack, 'sh', ...source],
    variables: { IMG_PLACE: workshop.path('umoci') },
  };
  return {
    title: 'pull 660 MB in 17,000 files from a registry of this machine, until the image can be started',
    note: 'one layer of gzip into an empty store; img verifies the signature, makes the tree and checks it',
    isWarm: false,
    contenders: [
      {
        name: 'img pull',
        measure: emptied('host/store', () => pullThroughRelay(workshop, image, afterLastByte)),
      },
      {
        name: 'skopeo into containers-storage',
        measure: emptied('skopeo', () =>
          useTime({ line: [...source, `containers-storage:[overlay@${root}+${runRoot}]${image}:latest`] }),
        ),
      },
      {
        name: 'skopeo copy and umoci unpack',
        measure: emptied('umoci', async () => {
          await mkdir(workshop.path('umoci'));
          return await useTime(umoci);
        }),
      },
    ],
  };
}

// It costs img a little, and tells when the last byte came.
async function pullThroughRelay(
  workshop: Workshop,
  image: string,
  afterLastByte: number[],
): Promise<UsedTime> {
  const [address = ''] = image.split('/');
  let lastAt = 0;
  const relay = createServer((client) => {
    const registry = connect(Number(address.split(':')[1]), '127.0.0.1');
    registry.prependListener('data', () => (lastAt = performance.now()));
    pipeline(client, registry, client, () => undefined);
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = relay.address() as AddressInfo;
    const time = await useTime(
      workshop.img('host', 'pull', `${image.replace(address, `127.0.0.1:${port}`)}:latest`),
    );
    afterLastByte.push(performance.now() - lastAt);
    return time;
  } finally {
    relay.close();
  }
}
