#!/usr/bin/env node
// Soaks a registry of three processes in everything that clients do, with kills and broken connections:
// `npm run soak -- --minutes 60 --seed 1`. With `--calm-seconds 10 --lanes 16` more is done between two disasters.

import { parseArgs } from 'node:util';
import { runSoak } from './run-soak.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    lanes: { type: 'string', default: '8' },
    'calm-seconds': { type: 'string', default: '3' },
  },
});

const until = performance.now() + Number(values.minutes) * 60_000;
const say = (text: string) => process.stderr.write(`${text}\n`);
const begin = performance.now();
const { tally, cuts, violations } = await runSoak({
  seed: Number(values.seed),
  lanes: Number(values.lanes),
  calmMs: Number(values['calm-seconds']) * 1000,
  goesOn: () => performance.now() < until,
  onProgress: say,
});
const seconds = (performance.now() - begin) / 1000;
const { operations, late, kept, kills } = tally;
for (const [kind, count] of [...tally.done].toSorted()) process.stdout.write(`${kind}: ${count}\n`);
for (const [reason, count] of tally.interrupted) process.stdout.write(`interrupted, ${reason}: ${count}\n`);
process.stdout.write(
  `${operations} operations in ${seconds.toFixed(0)} s, ${late} late, ` +
    `${kept.size} images kept, ${kills} kills, ${cuts} cuts, seed ${values.seed}\n`,
);
for (const violation of violations.slice(0, 100)) process.stdout.write(`VIOLATION: ${violation}\n`);
process.stdout.write(`${violations.length} violations\n`);
process.exitCode = violations.length === 0 ? 0 : 1;
