#!/usr/bin/env node
// A registry of ours beside Debian's docker-registry: `npm run benchmark-registry -w @img/tests -- --rounds 3`.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Contestant, startDockerRegistry, startImg } from './registry-contestants.ts';
import { fill, type RegistryFigure } from './registry-figures.ts';
import { fillMetadata } from './registry-large.ts';
import { type LoadResult, load, newContent, p99 } from './registry-load.ts';
import { median } from './report.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
    blobs: { type: 'string', default: '1000000' },
    tags: { type: 'string', default: '100000' },
    gigabytes: { type: 'string', default: '10' },
    only: { type: 'string', default: '' },
    json: { type: 'string' },
  },
});
const [rounds, seconds, gigabytes] = [values.rounds, values.seconds, values.gigabytes].map(Number) as [
  number,
  number,
  number,
];
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const document: { title: string; [name: string]: unknown }[] = [];
const folder = await mkdtemp(join(tmpdir(), 'img-registry-benchmark-'));
try {
  print(
    `${cpus().length} x ${cpus()[0]?.model}, Linux ${release()}, Node ${process.version}, load ${loadavg()[0]?.toFixed(1)}`,
  );
  await compare();
  await measureLarge();
  if (gigabytes > 0) await measureMemory();
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(document, undefined, 2)}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** The figures of all contestants, one after the other in each round, so that the machine is as busy for each. */
async function compare(): Promise<void> {
  const started = [
    await startImg(join(folder, 'img')),
    await startDockerRegistry(join(folder, 'docker-registry')),
  ];
  const contestants = started.filter((contestant) => contestant !== undefined);
  const figures = await Promise.all(contestants.map(fill));
  const titles = (figures[0] ?? []).map(({ title }) => title).filter((title) => title.includes(values.only));
  for (const title of titles) {
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

/** What must not grow with what a registry holds: its start, and a page of tags. */
async function measureLarge(): Promise<void> {
  const [blobs, tags] = [Number(values.blobs), Number(values.tags)];
  const results: { readonly tags: number; readonly startMs: number; readonly p99Ms: number }[] = [];
  for (const size of [
    { blobs: 1, tags: 100 },
    { blobs, tags },
  ]) {
    const data = join(folder, `large-${size.tags}`);
    await fillMetadata(data, size);
    const contestant = await startImg(data);
    const all: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const result = await load(
        contestant,
        async (connection) => {
          const last = `v${String(Math.floor(Math.random() * size.tags)).padStart(9, '0')}`;
          return (await connection.send('GET', `/v2/bench/app/tags/list?n=100&last=${last}`)).bytes;
        },
        { connections: 16, seconds },
      );
      all.push(p99(result));
    }
    results.push({ tags: size.tags, startMs: contestant.startMs, p99Ms: median(all) });
    await contestant.stop();
  }
  const [small, large] = results;
  print(
    `\nstart with ${blobs} blobs: ${large?.startMs.toFixed(0)} ms; with one: ${small?.startMs.toFixed(0)} ms`,
  );
  print(
    `p99 of a tags page among ${tags}: ${large?.p99Ms.toFixed(1)} ms; among 100: ${small?.p99Ms.toFixed(1)} ms`,
  );
  document.push({ title: 'large', blobs, results });
}

/** Resident memory after so much was pushed and pulled. */
async function measureMemory(): Promise<void> {
  const contestant: Contestant = await startImg(join(folder, 'memory'));
  const before = await contestant.memory();
  const sizeBytes = 10_000_000;
  const result = await load(
    contestant,
    async (connection) => {
      const digest = await connection.pushBlob('bench/pushed', newContent(sizeBytes));
      return sizeBytes + (await connection.send('GET', `/v2/bench/pushed/blobs/${digest}`)).bytes;
    },
    { connections: 16, times: Math.ceil((gigabytes * 1e9) / (2 * sizeBytes)) },
  );
  const { nowMiB, mostMiB } = await contestant.memory();
  print(
    `\n${(result.bytes / 1e9).toFixed(1)} GB pushed and pulled, 16 connections, ${result.seconds.toFixed(0)} s: ` +
      `${nowMiB.toFixed(0)} MiB resident, ${mostMiB.toFixed(0)} MiB at most, ${before.nowMiB.toFixed(0)} MiB before`,
  );
  document.push({ title: 'memory', bytes: result.bytes, beforeMiB: before.nowMiB, nowMiB, mostMiB });
  await contestant.stop();
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
