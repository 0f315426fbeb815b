import type { RuntimeLimit } from '@img/spec/runtime-config';

// What systemd gives services: programs that use select(2) break above 1024, others raise it by themselves.
const wantedOpenFiles = { soft: 1024, hard: 524_288 };

/**
 * The limits of the process, never above what this process may give: to raise a hard limit takes
 * CAP_SYS_RESOURCE, which root does not have everywhere, and the runtimes fail without it.
 *
 * @param limitsText /proc/self/limits
 * @param processes the most of its user; no limit of its own if not given
 */
export function processLimits(
  limitsText: string,
  { processes }: { readonly processes?: number } = {},
): readonly RuntimeLimit[] {
  const allowed = hardLimit(limitsText, 'Max open files');
  const hard = Math.min(wantedOpenFiles.hard, allowed);
  const files = { type: 'RLIMIT_NOFILE', soft: Math.min(wantedOpenFiles.soft, hard), hard };
  if (processes === undefined) return [files];
  const most = Math.min(processes, hardLimit(limitsText, 'Max processes'));
  return [files, { type: 'RLIMIT_NPROC', soft: most, hard: most }];
}

function hardLimit(limitsText: string, name: string): number {
  const line = limitsText.split('\n').find((candidate) => candidate.startsWith(name));
  const hard = line?.slice(name.length).trim().split(/\s+/)[1];
  return hard !== undefined && /^\d+$/.test(hard) ? Number(hard) : Number.POSITIVE_INFINITY;
}
