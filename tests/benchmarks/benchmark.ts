#!/usr/bin/env node
// Our times beside those of buildah, skopeo and podman, in one run: `npm run benchmark -- --rounds 5 --json FILE`.

import { rename, writeFile } from 'node:fs/promises';
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { makeBaseArchive } from './base-image.ts';
import { runCommand } from './command.ts';
import { type Figure, measureFigure } from './figure.ts';
import { buildFigures, pullFigures, pushFigures, runFigures } from './figures.ts';
import { type Result, reportDocument, reportLines } from './report.ts';
import { Workshop } from './workshop.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, json: { type: 'string' } },
});
const rounds = Array.from({ length: Number(values.rounds) }, (_, index) => index);

const results: Result[] = [];
try {
  await using workshop = await Workshop.open();
  await importBase(workshop);
  await measure(buildFigures(workshop));
  await measure(pushFigures(workshop));
  await publish(workshop);
  await measure(pullFigures(workshop));
  await measure(await runFigures(workshop));
  await report();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

async function report(): Promise<void> {
  const machine = await machineFacts();
  for (const line of [...machine, ...reportLines(results)]) process.stdout.write(`${line}\n`);
  if (values.json === undefined) return;
  const temporary = `${values.json}.${process.pid}`;
  await writeFile(temporary, `${JSON.stringify({ machine, figures: reportDocument(results) }, null, 2)}\n`);
  await rename(temporary, values.json);
}

async function measure(figures: readonly Figure[]): Promise<void> {
  for (const figure of figures) {
    const times = await measureFigure(figure, rounds, (tool, milliseconds) => {
      say(`${figure.title}: ${tool} ${milliseconds.toFixed(0)} ms`);
    });
    results.push({ figure, times });
  }
}

/** Gives buildah the image that its Dockerfile begins with. */
async function importBase(workshop: Workshop): Promise<void> {
  const archive = await makeBaseArchive(say);
  const container = (await runCommand(workshop.container('buildah', 'from', 'scratch'))).trim();
  await runCommand(workshop.container('buildah', 'add', '--quiet', container, archive));
  await runCommand(workshop.container('buildah', 'commit', '--quiet', container, 'localhost/base'));
  await runCommand(workshop.container('buildah', 'rm', container));
}

/** Alice signs the image; the host trusts her. */
async function publish(workshop: Workshop): Promise<void> {
  const { repository } = workshop;
  const key = workshop.path('publisher/config/keys/alice.pub');
  const trust = ['trust', 'add', key, '--name', 'Alice', '--prefix', 'com.example.'];
  await runCommand(workshop.img('publisher', 'key', 'new', 'alice'));
  await runCommand(workshop.img('publisher', 'sign', '--key', 'alice', `${repository}:latest`));
  await runCommand(workshop.img('publisher', 'push', `${repository}:latest`));
  await runCommand(workshop.img('host', ...trust));
}

async function machineFacts(): Promise<readonly string[]> {
  const version = async (tool: string): Promise<string> => {
    const [line = ''] = (await runCommand({ line: [tool, '--version'] })).split('\n');
    return line;
  };
  const peers = [await version('buildah'), await version('skopeo'), await version('podman')];
  return [
    `${cpus().length} x ${cpus()[0]?.model}, Linux ${release()}, Node ${process.version}, ${peers.join(', ')}`,
    `medians and ranges of ${rounds.length} rounds, taken in turn; wall time of the whole command`,
  ];
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
