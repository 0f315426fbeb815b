import { readFile, readlink } from 'node:fs/promises';
import process from 'node:process';

/*
 * A name for one process that is never given again: boot, process namespace, number and start time. Whoever
 * reads it can tell whether the process still runs, also after a kill -9 and after a new start of the machine.
 */

const pattern = /^([0-9a-z]+)\.(\d+)\.(\d+)\.(\d+)$/;

/** The name of this process; it survives execve. */
export async function ownProcessName(): Promise<string> {
  const { pid } = process;
  return `${await bootName()}.${await processNamespace()}.${pid}.${(await startTicks(pid)) ?? 0}`;
}

/** What can be known about a process from its name; in another process namespace its number means nothing here. */
export async function processState(name: string): Promise<'runs' | 'ended' | 'unknown'> {
  const [, boot, namespace, pid, ticks] = pattern.exec(name) ?? [];
  if (pid === undefined || boot !== (await bootName())) return 'ended';
  if (namespace !== (await processNamespace())) return 'unknown';
  const found = await startTicks(Number(pid));
  if (found !== undefined) return found === Number(ticks) ? 'runs' : 'ended';
  return isKnownToKernel(Number(pid)) ? 'runs' : 'ended';
}

async function bootName(): Promise<string> {
  const id = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  return id.replace(/[^0-9a-f]/g, '') || 'noboot';
}

async function processNamespace(): Promise<string> {
  const link = await readlink('/proc/self/ns/pid').catch(() => '');
  return /\d+/.exec(link)?.[0] ?? '0';
}

/** Field 22 of proc(5), stat; undefined where the process or /proc is not to be seen. */
async function startTicks(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The name stands in parentheses and may hold any character, so the fields are counted behind the last one.
  const ticks = Number(stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  return Number.isSafeInteger(ticks) ? ticks : undefined;
}

function isKnownToKernel(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
