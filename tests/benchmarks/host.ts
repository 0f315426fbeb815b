#!/usr/bin/env node
// What hosts do, beside podman, skopeo, umoci, crun and runc: `npm run benchmark-host -w @img/tests -- --only start`.

import { cpus, loadavg, release } from 'node:os';
import { parseArgs } from 'node:util';
import { writeShellApp } from '../src/testing/shell-app.ts';
import { runCommand } from './command.ts';
import { publishLargeImage, pullComparison } from './pull-comparisons.ts';
import { median } from './report.ts';
import { endContainers, listComparisons, startComparisons } from './start-comparisons.ts';
import { checkTimes } from './tree-check.ts';
import { measureUnits } from './unit-times.ts';
import { type Comparison, compare } from './used-time.ts';
import { Workshop } from './workshop.ts';

const parts = ['start', 'ps', 'pull', 'unit'] as const;
const { values } = parseArgs({
  options: { rounds: { type: 'string' }, only: { type: 'string', multiple: true, default: [...parts] } },
});

try {
  const unknown = values.only.find((part) => !parts.some((known) => known === part));
  if (unknown !== undefined) throw new Error(`--only takes ${parts.join(', ')}, not ${unknown}`);
  print(`${cpus().length} x ${cpus()[0]?.model}, Linux ${release()}, Node ${process.version}`);
  print('medians and ranges of wall time, and the median of the time of all processors; taken in turn');
  await using workshop = await Workshop.open();
  await publish(workshop);
  if (values.only.includes('start')) await measure(await startComparisons(workshop), 9);
  if (values.only.includes('ps')) await measureList(workshop);
  if (values.only.includes('pull')) await measurePull(workshop);
  if (values.only.includes('unit')) await measureUnits(roundsOr(5), print);
  print(`\nload of the machine at the end: ${loadavg()[0]?.toFixed(1)}`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

/** Alice signs the app; the host trusts her, and has it. */
async function publish(workshop: Workshop): Promise<void> {
  const key = workshop.path('publisher/config/keys/alice.pub');
  await writeShellApp(workshop.folder);
  await runCommand(workshop.img('publisher', 'build', workshop.path('app')));
  await runCommand(workshop.img('publisher', 'key', 'new', 'alice'));
  await runCommand(workshop.img('publisher', 'sign', '--key', 'alice', `${workshop.repository}:latest`));
  await runCommand(workshop.img('publisher', 'push', `${workshop.repository}:latest`));
  await runCommand(workshop.img('host', 'trust', 'add', key, '--name', 'Alice', '--prefix', 'com.example.'));
  await runCommand(workshop.img('host', 'pull', `${workshop.repository}:latest`));
}

async function measureList(workshop: Workshop): Promise<void> {
  try {
    await measure(await listComparisons(workshop), 9);
  } finally {
    await endContainers(workshop);
  }
}

async function measurePull(workshop: Workshop): Promise<void> {
  const image = await publishLargeImage(workshop);
  const afterLastByte: number[] = [];
  await measure([pullComparison(workshop, image, afterLastByte)], 3);
  print(`  of img pull, after the last byte    ${median(afterLastByte).toFixed(0).padStart(4)} ms`);
  for (const line of await checkTimes(workshop, image)) print(line);
}

async function measure(comparisons: readonly Comparison[], rounds: number): Promise<void> {
  for (const comparison of comparisons) {
    for (const line of await compare(comparison, roundsOr(rounds))) print(line);
  }
}

function roundsOr(usual: number): number {
  return values.rounds === undefined ? usual : Number(values.rounds);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
