import { writeSync } from 'node:fs';
import { ImageStore } from '@img/registry/images/image-store';
import { parsePlatform } from '@img/spec/platform';
import { buildFolder } from '../build-folder.ts';
import { testNow } from '../debian/testing/test-archive.ts';
import { openRepository } from './test-system.ts';

// Builds in a process of its own: build-command.ts FOLDER CACHE STORE. Prints a line for each progress event, then
// `built DIGEST` or `failed CODE MESSAGE`.

const [path = '', cacheFolder = '', storeFolder = ''] = process.argv.slice(2);
const print = (line: string): void => void writeSync(1, `${line}\n`);
try {
  await using store = new ImageStore(storeFolder);
  const { image } = await buildFolder(path, {
    targetFor: ({ name }) => openRepository(store, name),
    cacheFolder,
    platform: parsePlatform('linux/amd64'),
    now: testNow,
    onProgress: (event) => {
      if (event.kind === 'start' || event.kind === 'done') print(`${event.kind} ${event.item}`);
    },
  });
  print(`built ${image.descriptor.digest}`);
} catch (error) {
  const { code, message } = error as { code?: string; message: string };
  print(`failed ${code} ${message}`);
  process.exitCode = 1;
}
