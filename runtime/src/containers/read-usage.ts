import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Controller } from '../config/resources.ts';
import { type ControlGroups, readControlGroups } from '../state/control-groups.ts';

/** What a container uses; undefined where this host does not count it. */
export type Usage = {
  /** Processor time since it was started. */
  readonly cpuSeconds: number | undefined;
  /** Without what the kernel only keeps of files and can drop. */
  readonly memoryBytes: number | undefined;
  /** Undefined without a limit, too. */
  readonly memoryLimitBytes: number | undefined;
  /** Processes and threads. */
  readonly pids: number | undefined;
};

// What the kernel gives for no limit is more than any machine has.
const noLimitBytes = 2 ** 60;

/** Reads what a control group has counted. */
export function readUsage(controlGroup: string, groups: ControlGroups = readControlGroups()): Usage {
  const read = groups.mode === 'v2' ? unifiedReader(groups, controlGroup) : splitReader(groups, controlGroup);
  const limit = read.number('memory', groups.mode === 'v2' ? 'memory.max' : 'memory.limit_in_bytes');
  return {
    ...(groups.mode === 'v2' ? unifiedUsage(read) : splitUsage(read)),
    memoryLimitBytes: limit === undefined || limit >= noLimitBytes ? undefined : limit,
    pids: read.number('pids', 'pids.current'),
  };
}

type Reader = {
  /** Undefined if there is no such file, or it holds no number. */
  readonly number: (controller: Controller | 'cpuacct', file: string) => number | undefined;
  readonly entry: (controller: Controller, file: string, key: string) => number | undefined;
};

function unifiedUsage({ number, entry }: Reader): Pick<Usage, 'cpuSeconds' | 'memoryBytes'> {
  const microseconds = entry('cpu', 'cpu.stat', 'usage_usec');
  return {
    cpuSeconds: microseconds === undefined ? undefined : microseconds / 1e6,
    memoryBytes: without(number('memory', 'memory.current'), entry('memory', 'memory.stat', 'inactive_file')),
  };
}

function splitUsage({ number, entry }: Reader): Pick<Usage, 'cpuSeconds' | 'memoryBytes'> {
  const nanoseconds = number('cpuacct', 'cpuacct.usage');
  const dropped = entry('memory', 'memory.stat', 'total_inactive_file');
  return {
    cpuSeconds: nanoseconds === undefined ? undefined : nanoseconds / 1e9,
    memoryBytes: without(number('memory', 'memory.usage_in_bytes'), dropped),
  };
}

function without(all: number | undefined, part = 0): number | undefined {
  return all === undefined ? undefined : Math.max(0, all - part);
}

function unifiedReader({ roots: [root = ''] }: ControlGroups, controlGroup: string): Reader {
  return readerOf(() => join(root, controlGroup));
}

function splitReader({ root }: ControlGroups, controlGroup: string): Reader {
  return readerOf((controller) => join(root, controller, controlGroup));
}

function readerOf(folderOf: (controller: Controller | 'cpuacct') => string): Reader {
  const text = (controller: Controller | 'cpuacct', file: string) => {
    try {
      return readFileSync(join(folderOf(controller), file), 'utf8');
    } catch {
      // The host has no such controller, or the container has ended.
      return '';
    }
  };
  const parse = (value = '') => (/^\d+$/.test(value.trim()) ? Number(value) : undefined);
  return {
    number: (controller, file) => parse(text(controller, file)),
    entry: (controller, file, key) => {
      const lines = text(controller, file).split('\n');
      return parse(lines.find((line) => line.startsWith(`${key} `))?.slice(key.length + 1));
    },
  };
}
