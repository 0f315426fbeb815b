#!/usr/bin/env node
// A registry of ours beside those of others that are installed: `npm run benchmark-registry -w @img/tests -- --rounds 3`,
// or a part of it: `--only manifest`, `blob`, `blob GET`, `push`, `tags`, `start`, `memory`; `--workers 2` for ours.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startImg } from './registry-contestants.ts';
import { figureTitles, fill, type RegistryFigure } from './registry-figures.ts';
import { type LoadResult, load, p99 } from './registry-load.ts';
import { startPeers } from './registry-peers.ts';
import { measureMemory, measureStart, measureTagsPage, type Scale } from './registry-scale.ts';
import { median } from './report.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
    blobs: { type: 'string', default: '1000000' },
    tags: { type: 'string', default: '100000' },
    gigabytes: { type: 'string', default: '10' },
    only: { type: 'string', default: '' },
    workers: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});
const [rounds, seconds, gigabytes, workers] = [
  values.rounds,
  values.seconds,
  values.gigabytes,
  values.workers,
].map(Number) as [number, number, number, number];
checkOnly([...figureTitles, 'start', 'memory']);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const document: { title: string; [name: string]: unknown }[] = [];
const folder = await mkdtemp(join(tmpdir(), 'img-registry-benchmark-'));
try {
  print(
    `${cpus().length} x ${cpus()[0]?.model}, Linux ${release()}, Node ${process.version}, load ${loadavg()[0]?.toFixed(1)}`,
  );
  if (figureTitles.some(isWanted)) await compare();
  const scale: Scale = {
    folder,
    rounds,
    seconds,
    workers,
    say: print,
    note: (entry) => document.push(entry),
  };
  if (isWanted('tags page of 100')) await measureTagsPage(scale, Number(values.tags));
  if (isWanted('start')) await measureStart(scale, Number(values.blobs));
  if (isWanted('memory') && gigabytes > 0) await measureMemory(scale, gigabytes);
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(document, undefined, 2)}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** The figures of all contestants, one after the other in each round, so that the machine is as busy for each. */
async function compare(): Promise<void> {
  const contestants = [await startImg(join(folder, 'img'), { workers }), ...(await startPeers(print))];
  const figures = await Promise.all(contestants.map(fill));
  for (const title of figureTitles.filter(isWanted)) {
    const results = new Map<string, LoadResult[]>();
    const figureOf = (index: number) =>
      figures[index]?.find((figure) => figure.title === title) as RegistryFigure;
    for (let round = 0; round <= rounds; round += 1) {
      for (const [index, contestant] of contestants.entries()) {
        const { work, connections } = figureOf(index);
        const result = await load(contestant, work, { connections, seconds });
        // The first round warms up.
        if (round > 0) results.set(contestant.name, [...(results.get(contestant.name) ?? []), result]);
      }
    }
    reportFigure(figureOf(0), results);
  }
  for (const { name, startMs } of contestants) print(`  start of an empty ${name}: ${startMs.toFixed(0)} ms`);
  await Promise.all(contestants.map((contestant) => contestant.stop()));
}

function reportFigure(
  { title, isTransfer = false, connections }: RegistryFigure,
  results: ReadonlyMap<string, readonly LoadResult[]>,
): void {
  print(`\n${title}, ${connections} connections`);
  const rows = [...results].map(([name, all]) => {
    const amount = ({ done, bytes }: LoadResult) => (isTransfer ? bytes / 1e6 : done);
    return {
      name,
      perSecond: median(all.map((result) => amount(result) / result.seconds)),
      cpuMs: median(all.map((result) => result.cpuMs / amount(result))),
      p99Ms: median(all.map(p99)),
    };
  });
  const [ours] = rows;
  for (const { name, perSecond, cpuMs, p99Ms } of rows) {
    const ratio =
      name === 'img' || ours === undefined
        ? ''
        : `img: ${(ours.perSecond / perSecond).toFixed(2)} x as fast, ${(ours.cpuMs / cpuMs).toFixed(2)} x the processor`;
    const [unit, units] = isTransfer ? ['MB', 'MB'] : ['request', 'requests'];
    print(
      `  ${name.padEnd(16)} ${perSecond.toFixed(0).padStart(7)} ${units}/s  ${cpuMs.toFixed(3)} ms of processor a ${unit}  p99 ${p99Ms.toFixed(1)} ms  ${ratio}`.trimEnd(),
    );
  }
  document.push({ title, connections, unit: isTransfer ? 'MB' : 'request', rows });
}

/** A word that asks for nothing is a mistake. */
function checkOnly(titles: readonly string[]): void {
  if (titles.some(isWanted)) return;
  process.stderr.write(
    `--only should be, or be a part of, one of: ${titles.join(', ')}; not ${JSON.stringify(values.only)}\n`,
  );
  process.exit(2);
}

/** Whether a part was asked for by its title or a piece of that. */
function isWanted(title: string): boolean {
  return title.includes(values.only);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
