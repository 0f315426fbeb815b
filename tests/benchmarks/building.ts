#!/usr/bin/env node
// Builds beside buildah's, in one run: `npm run benchmark-building -w @img/tests -- --rounds 3`.

import { readdir, rm, stat } from 'node:fs/promises';
import { cpus, loadavg, release } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeBaseArchive } from './base-image.ts';
import { coldFigures, kinds, rebuildFigures, writeApp, writeKinds } from './building-figures.ts';
import { runCommand } from './command.ts';
import { type Figure, measureFigure } from './figure.ts';
import { type Result, reportLines } from './report.ts';
import { Workshop } from './workshop.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '3' } } });
const rounds = [...Array(Number(values.rounds)).keys()];
const mega = 1e6;

try {
  await using workshop = await Workshop.open();
  await writeKinds(workshop);
  await writeApp(workshop);
  await importBase(workshop);
  const [buildah = ''] = (await runCommand({ line: ['buildah', '--version'] })).split('\n');
  print(`${cpus().length} x ${cpus()[0]?.model}, Linux ${release()}, Node ${process.version}, ${buildah}`);
  print(`medians and ranges of ${rounds.length} rounds, taken in turn; wall time of the whole command`);
  for (const { name } of kinds) {
    await runCommand(workshop.img('publisher', 'build', workshop.path('img', name)));
  }
  await measure(coldFigures(workshop));
  for (const { name } of kinds) print(await sizes(workshop, name));
  await runCommand(workshop.img('publisher', 'build', '--push', workshop.path('img/app')));
  await measure(rebuildFigures(workshop));
  print(`\nload of the machine at the end: ${loadavg()[0]?.toFixed(1)}`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function measure(figures: readonly Figure[]): Promise<void> {
  const results: Result[] = [];
  for (const figure of figures) {
    results.push({ figure, times: await measureFigure(figure, rounds, () => undefined) });
  }
  for (const line of reportLines(results)) print(line);
}

/** Compressed sizes of an image: ours with both compressions, and that of the Dockerfile. */
async function sizes(workshop: Workshop, name: string): Promise<string> {
  const build = workshop.img('publisher', 'build', '--json', workshop.path('img', name));
  const zstd = JSON.parse(await runCommand(build)) as { readonly sizeBytes: number };
  const again = { ...build, line: [...build.line, '--compress', 'gzip'] };
  const gzip = JSON.parse(await runCommand(again)) as { readonly sizeBytes: number };
  const folder = workshop.path('pushed');
  await runCommand(workshop.container('buildah', 'push', '--quiet', name, `dir:${folder}`));
  let peerBytes = 0;
  for (const file of await readdir(folder)) peerBytes += (await stat(join(folder, file))).size;
  await rm(folder, { recursive: true });
  const [ours, old, peer] = [zstd.sizeBytes, gzip.sizeBytes, peerBytes].map((bytes) =>
    (bytes / mega).toFixed(1),
  );
  return `${name}: ${ours} MB with zstd, ${old} MB with gzip; buildah ${peer} MB`;
}

/** Gives buildah the image that its Dockerfiles begin with. */
async function importBase(workshop: Workshop): Promise<void> {
  const archive = await makeBaseArchive((line) => process.stderr.write(`${line}\n`), 'bookworm');
  const container = (await runCommand(workshop.container('buildah', 'from', 'scratch'))).trim();
  await runCommand(workshop.container('buildah', 'add', '--quiet', container, archive));
  await runCommand(workshop.container('buildah', 'commit', '--quiet', container, 'localhost/base'));
  await runCommand(workshop.container('buildah', 'rm', container));
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
