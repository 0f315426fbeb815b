#!/usr/bin/env node
// Signing and verifying beside cosign, in one run: `npm run benchmark-signing -w @img/tests -- --rounds 5`.

import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { findProgram } from '@img/sign/testing/needs';
import { digestOf } from '@img/spec/digest';
import { writeShellApp } from '../src/testing/shell-app.ts';
import { runCommand } from './command.ts';
import { measureFigure } from './figure.ts';
import { median, reportLines } from './report.ts';
import { signingFigures } from './signing-figures.ts';
import { measureWork } from './signing-work.ts';
import { Workshop } from './workshop.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });
const rounds = [...Array(Number(values.rounds)).keys()];

try {
  await using workshop = await Workshop.open();
  await writeShellApp(workshop.folder);
  await runCommand(workshop.img('publisher', 'build', workshop.path('app')));
  await runCommand(workshop.img('publisher', 'push', workshop.repository));
  const raw = await runCommand(workshop.img('publisher', 'inspect', '--raw', workshop.repository));
  const digest = digestOf(Buffer.from(raw));
  const results = [];
  for (const figure of await signingFigures(workshop, digest)) {
    results.push({ figure, times: await measureFigure(figure, rounds, () => undefined) });
  }
  const [cosign = ''] = (await runCommand({ line: [findProgram('cosign') ?? 'cosign', 'version'] })).match(
    /v\d\S+/,
  ) ?? [''];
  print(
    `${cpus().length} x ${cpus()[0]?.model}, Linux ${release()}, Node ${process.version}, cosign ${cosign}`,
  );
  print(`medians and ranges of ${rounds.length} rounds, taken in turn; wall time of the whole command`);
  for (const line of reportLines(results)) print(line);
  print('\nthe same without starting a program');
  for (const { title, times } of await measureWork(workshop, digest, 20 * rounds.length)) {
    print(`  ${title.padEnd(36)} ${median(times).toFixed(2)} ms  (least ${Math.min(...times).toFixed(2)})`);
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
