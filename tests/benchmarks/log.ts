#!/usr/bin/env node
// A transparency log of many entries: `npm run benchmark-log -w @img/tests -- --entries 1000000`.

import { createHash } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { appendEntry } from '@img/registry/log/append-entry';
import { makeLogKey, readLogSigner } from '@img/registry/log/log-key';
import { proveEntry } from '@img/registry/log/prove-entry';
import type { Database } from '@img/registry/metadata/database';
import { findLog, insertLog, type LogRow, setLatest } from '@img/registry/metadata/log/logs';
import { migrate } from '@img/registry/metadata/migrate';
import { SqliteDatabase } from '@img/registry/metadata/sqlite-database';
import { startRegistry } from '@img/registry/server/start-registry';
import { checkProof } from '@img/sign/log/check-proof';
import { hashOfRow, tileWidth } from '@img/sign/log/tile';
import { leafHash } from '@img/sign/log/tree-hash';
import { parseRepositoryName } from '@img/spec/repository-name';
import { median } from './report.ts';

const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '500' },
    bytes: { type: 'string', default: '1100' },
  },
});
const [count, rounds, entryBytes] = [values.entries, values.rounds, values.bytes].map(Number) as [
  number,
  number,
  number,
];
const namespace = parseRepositoryName('com.example');
const folder = await mkdtemp(join(tmpdir(), 'img-log-'));
try {
  await measure(join(folder, 'metadata.sqlite'));
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function measure(path: string): Promise<void> {
  const cpu = `${cpus().length} x ${cpus()[0]?.model}`;
  print(
    `${cpu}, Linux ${release()}, Node ${process.version}; ${count} entries of ${entryBytes} bytes, SQLite`,
  );
  const database = await SqliteDatabase.open(path);
  await migrate(database, { now: 1 });
  const filledAt = performance.now();
  await fill(database);
  const { size } = await stat(path);
  print(
    `filled in ${Math.round((performance.now() - filledAt) / 1000)} s; ${Math.round(size / 2 ** 20)} MiB`,
  );
  const log = (await findLog(database, [namespace])) as LogRow;
  // The first one publishes what was filled in.
  await appendEntry(database, log, entryOf(count));
  await report('append, durable', (n) => appendEntry(database, log, entryOf(count + 1 + n)));
  const now = (await findLog(database, [namespace])) as LogRow;
  const { key } = await readLogSigner(database, now);
  const indexes = Array.from({ length: rounds }, (_, n) => Math.floor((n * 7919 * count) / rounds) % count);
  const proofs: string[] = [];
  await report('proof', async (n) => proofs.push(await proveEntry(database, now, indexes[n] ?? 0)));
  const known = { key, witnesses: [], requireWitnesses: 0 };
  await report('check of a proof, offline', async (n) => {
    const checked = checkProof(entryOf(indexes[n] ?? 0), proofs[n], known);
    if (checked.problem !== undefined) throw new Error(checked.message);
  });
  print(`  a proof has ${proofs[0]?.length} characters`);
  await database.close();
  const startedAt = performance.now();
  await using registry = await startRegistry({
    dataFolder: folder,
    administrator: { password: 'x'.repeat(8) },
  });
  const started = performance.now() - startedAt;
  const answer = await fetch(`${registry.url}/readyz`);
  print(
    `  ${'start of a registry that has it'.padEnd(36)} ${started.toFixed(0)} ms (then ready: ${answer.status})`,
  );
}

/** Quicker than to append: only the last entries are. */
async function fill(database: Database): Promise<void> {
  await makeLogKey(database, namespace, 1);
  const origin = 'reg.example/log/com.example';
  const latest = 'none yet';
  await database.transaction((writer) =>
    insertLog(writer, { namespace, origin, isPublic: false, latest }, 1),
  );
  const { id } = (await findLog(database, [namespace])) as LogRow;
  const levels: Uint8Array[][] = [[]];
  for (let begin = 0; begin < count; begin += tileWidth) {
    const entries = Array.from({ length: Math.min(tileWidth, count - begin) }, (_, n) => entryOf(begin + n));
    const leaves = entries.map(leafHash);
    levels[0]?.push(...leaves);
    await database.transaction(
      async (writer) => {
        for (const [n, entry] of entries.entries()) {
          await writer.run(
            'INSERT INTO log_entries VALUES ($1, $2, $3, $4)',
            id,
            begin + n,
            leaves[n] ?? null,
            entry,
          );
        }
      },
      { durable: false },
    );
  }
  await database.transaction(async (writer) => {
    for (let level = 0; (levels[level]?.length ?? 0) > 0; level += 1) {
      const above: Uint8Array[] = [];
      const hashes = levels[level] ?? [];
      for (let index = 0; index * tileWidth < hashes.length; index += 1) {
        const row = hashes.slice(index * tileWidth, (index + 1) * tileWidth);
        const tile = new Uint8Array(Buffer.concat(row));
        await writer.run('INSERT INTO log_tiles VALUES ($1, $2, $3, $4)', id, level, index, tile);
        if (row.length === tileWidth) above.push(hashOfRow(tile));
      }
      levels.push(above);
    }
    await setLatest(writer, id, { size: count, note: latest });
  });
}

/** As long as a bundle, and like it of text that repeats itself little. */
function entryOf(n: number): Uint8Array {
  const text = createHash('sha512').update(String(n)).digest('base64');
  return new Uint8Array(Buffer.from(text.repeat(Math.ceil(entryBytes / text.length)).slice(0, entryBytes)));
}

async function report(title: string, work: (n: number) => Promise<unknown>): Promise<void> {
  const times: number[] = [];
  const before = process.cpuUsage();
  for (let n = 0; n < rounds; n += 1) {
    const startedAt = performance.now();
    await work(n);
    times.push(performance.now() - startedAt);
  }
  const { user, system } = process.cpuUsage(before);
  const cpuMs = (user + system) / 1000 / rounds;
  const sorted = times.toSorted((a, b) => a - b);
  const p95 = sorted[Math.floor(sorted.length * 0.95)] ?? Number.NaN;
  const range = `least ${(sorted[0] ?? 0).toFixed(2)}, 95 % below ${p95.toFixed(2)}; ${cpuMs.toFixed(2)} of processors`;
  print(`  ${title.padEnd(36)} ${median(times).toFixed(2)} ms  (${range})`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
