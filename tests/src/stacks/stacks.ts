// Builds every stack of examples/stacks, starts it, asks it, and says how much they have in common:
//
//     npm run stacks -- --only nginx --only redis
//     npm run stacks -- --count 5 --seed 1 --json FILE
//
// Needs root, runc or crun, curl, 10 GB of disk and, until everything is cached, half an hour and 3 GB of downloads.
// Ends with 1 if any stack doesn't work.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { randomNumbers } from '@img/builder/debian/testing/random-archive';
import { instanceIn } from '@img/cli/testing/run-img';
import { measured } from './measured.ts';
import { pushedAfterFix, type StoredImage, type StoredPackage, sharingOf } from './sharing.ts';
import { readStacks, type Stack } from './stack.ts';
import { storedImage } from './stored-image.ts';
import { tryStack } from './try-stack.ts';

/** Kept from run to run: packages are downloaded and converted once. */
const cacheFolder = join(import.meta.dirname, '../../../.cache/stacks');
const mega = 1e6;

type Result = {
  readonly name: string;
  /** Why it doesn't work; undefined if it does. */
  readonly problem: string | undefined;
  readonly layers: number;
  readonly sizeBytes: number;
  readonly peakBytes: number | undefined;
};

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    count: { type: 'string' },
    seed: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});

const folder = await mkdtemp(join(tmpdir(), 'img-stacks-'));
try {
  const images: StoredImage[] = [];
  const packages = new Map<string, StoredPackage>();
  const results: Result[] = [];
  for (const stack of choose(await readStacks())) {
    const result = await tryOne(stack, images, packages);
    const { name, problem, layers, sizeBytes, peakBytes } = result;
    results.push(result);
    const peak = peakBytes === undefined ? '' : `, at most ${megabytes(peakBytes)} of memory`;
    const size = `${layers} layers, ${megabytes(sizeBytes)}${peak}`;
    say(problem === undefined ? `${name} works (${size})` : `${name} DOESN'T WORK: ${problem}`);
  }
  const working = results.filter(({ problem }) => problem === undefined).length;
  const sharing = sharingOf(images, packages);
  const sources = new Set([...packages.values()].map(({ source }) => source));
  const fixes = [...sources]
    .filter((source) => source.startsWith('openssl '))
    .map((source) => ({ source, ...pushedAfterFix(images, packages, source) }));
  const ratio = (sharing.storedBytes / sharing.perfectBytes).toFixed(3);
  say(`${working} of ${results.length} stacks work, with no script run`);
  say(
    `stored together: ${megabytes(sharing.storedBytes)}, ${ratio} x perfect sharing ` +
      `(${megabytes(sharing.perfectBytes)}); each for itself: ${megabytes(sharing.unsharedBytes)}`,
  );
  for (const { source, images: count, bytes } of fixes) {
    say(`a fix of ${source} changes ${count} images: ${megabytes(bytes)} to push`);
  }
  if (values.json !== undefined) {
    await writeFile(values.json, `${JSON.stringify({ results, sharing, fixes }, null, 2)}\n`);
  }
  if (working < results.length) process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}

function choose(stacks: readonly Stack[]): readonly Stack[] {
  const unknown = values.only?.find((name) => !stacks.some((stack) => stack.name === name));
  if (unknown !== undefined) throw new Error(`there is no stack ${unknown}`);
  const wanted = stacks.filter(({ name }) => values.only?.includes(name) !== false);
  if (values.count === undefined) return wanted;
  const below = randomNumbers(Number(values.seed));
  const left = [...wanted];
  const count = Math.min(Number(values.count), wanted.length);
  return Array.from({ length: count }, () => left.splice(below(left.length), 1)).flat();
}

async function tryOne(
  stack: Stack,
  images: StoredImage[],
  packages: Map<string, StoredPackage>,
): Promise<Result> {
  const { name } = stack;
  const workplace = measured(instanceIn(folder, cacheFolder));
  try {
    const { digest } = await tryStack(workplace, stack);
    const image = await storedImage(workplace, join(folder, name), digest, packages);
    images.push(image);
    const sizeBytes = image.layers.reduce((total, layer) => total + layer.sizeBytes, 0);
    const peakBytes = workplace.peakBytes();
    return { name, problem: undefined, layers: image.layers.length, sizeBytes, peakBytes };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { name, problem, layers: 0, sizeBytes: 0, peakBytes: undefined };
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / mega).toFixed(1)} MB`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
