import { join } from 'node:path';
import type { RuntimeResources } from '@img/spec/runtime-config';
import type { Controller } from '../config/resources.ts';
import type { ControlGroups } from './control-groups.ts';

/** A file of a control group and what stands in it. */
export type LimitFile = { readonly controller: Controller; readonly path: string; readonly value: string };

/**
 * The limits of a control group as the kernel shows them.
 *
 * @param group below the root of each hierarchy
 * @param pageBytes what the kernel counts memory in
 */
export function limitFiles(
  { memory, cpu, pids }: RuntimeResources,
  { mode, root }: Pick<ControlGroups, 'mode' | 'root'>,
  group: string,
  pageBytes: number,
): readonly LimitFile[] {
  const file = (controller: Controller, old: string, unified: string, value: string, unifiedValue = value) =>
    mode === 'v2'
      ? { controller, path: join(root, group, unified), value: unifiedValue }
      : { controller, path: join(root, controller, group, old), value };
  return [
    ...(memory === undefined
      ? []
      : [
          file(
            'memory',
            'memory.limit_in_bytes',
            'memory.max',
            String(memory.limit - (memory.limit % pageBytes)),
          ),
        ]),
    ...(cpu === undefined
      ? []
      : [file('cpu', 'cpu.cfs_quota_us', 'cpu.max', String(cpu.quota), `${cpu.quota} ${cpu.period}`)]),
    ...(pids === undefined ? [] : [file('pids', 'pids.max', 'pids.max', String(pids.limit))]),
  ];
}
