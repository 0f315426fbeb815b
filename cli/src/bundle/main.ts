// npm run bundle: makes the bundles that bin/img.js uses, below dist/. npm ci ends with it.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hotVerbs, withoutVerb } from './hot-verbs.ts';
import { makeBundle } from './make-bundle.ts';

const folder = join(import.meta.dirname, '../../dist');
await mkdir(folder, { recursive: true });
await Promise.all([undefined, withoutVerb, ...hotVerbs].map(bundle));

async function bundle(verb?: string): Promise<void> {
  const name = verb === undefined ? 'bundle of all commands' : `bundle of img ${verb}`;
  try {
    const changed = await makeBundle(folder, verb);
    if (changed === undefined) return;
    report(`${name} not made: ${changed} was changed meanwhile; try again`);
  } catch (error) {
    report(`${name} not made: ${error instanceof Error ? error.message : error}`);
  }
}

function report(line: string): void {
  process.stderr.write(`${line}\n`);
  process.exitCode = 1;
}
