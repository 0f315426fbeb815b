#!/usr/bin/env node
// Runs the few test files again that failed in the run before, alone, one after the other: `npm run once-more`.
// Each is named as UNSTABLE, and what it said the first time stays above: it wants mending, whatever it says now.
// More files than a stall of the machine explains are a failure without a second try.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';

const most = 2;
// AVA notes there what to begin with in its next run.
const notes = 'node_modules/.cache/ava/failing-tests.json';
const failed = existsSync(notes) ? (JSON.parse(readFileSync(notes, 'utf8')) as readonly string[]) : [];
const files = failed.map((file) => relative(process.cwd(), file));
for (const file of files) process.stdout.write(`UNSTABLE: ${file} failed beside the other tests\n`);
if (files.length === 0 || files.length > most) {
  process.stdout.write(`${files.length} failed files are not run again; 1 to ${most} would be\n`);
  process.exitCode = 1;
} else {
  const { status } = spawnSync('ava', ['--concurrency', '1', ...files], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
