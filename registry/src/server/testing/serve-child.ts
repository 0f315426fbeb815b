/**
 * A registry in a process of its own, for tests that kill it: `serve-child.ts <data folder> <hours> <JSON limits>`.
 * Its clock goes ahead by the hours. Writes its URL to stdout as one line.
 */
import { startRegistry } from '../start-registry.ts';

const [dataFolder = '', hours = '0', limits = '{}'] = process.argv.slice(2);
const aheadMs = Number(hours) * 3_600_000;
const { url } = await startRegistry({
  dataFolder,
  administrator: { name: 'admin', password: 'correct horse' },
  clock: () => Date.now() + aheadMs,
  limits: JSON.parse(limits) as object,
});
process.stdout.write(`${url}\n`);
