import type { ExecutionConfig } from '@img/spec/image-config';
import type { AppStart } from '../app/app-plan.ts';
import type { OwnerChoice, RunRule } from '../recipe/image-recipe.ts';

/** Where programs are looked for if the recipe doesn't say: as every distribution and runtime has it. */
export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * How an image is started, by the rules of a Dockerfile's FROM: what the recipe says counts more than what the
 * image below says; variables, ports and labels are put together; and an entrypoint of one's own drops the
 * command of the image below, which was written for another one.
 *
 * @param start what counts if the recipe doesn't say
 */
export function mergeExecution(
  run: RunRule,
  start: AppStart,
  base: ExecutionConfig | undefined,
): ExecutionConfig {
  const hasCommand = run.cmd.length > 0 || run.entrypoint.length > 0;
  const cmd = hasCommand ? run.cmd : start.cmd;
  const isBaseCommandKept = run.entrypoint.length === 0 && cmd.length === 0;
  return {
    user: run.user === undefined ? (base?.user ?? '') : textOf(run.user),
    exposedPorts: [...new Set([...(base?.exposedPorts ?? []), ...run.ports])],
    env: mergeEnv(base?.env ?? [], start.env, run.env),
    entrypoint: run.entrypoint.length === 0 ? (base?.entrypoint ?? []) : run.entrypoint,
    cmd: isBaseCommandKept ? (base?.cmd ?? []) : cmd,
    volumes: base?.volumes ?? [],
    workingDir: run.workingDir || (start.workingDir ?? base?.workingDir ?? ''),
    labels: { ...base?.labels, ...Object.fromEntries(run.labels) },
    stopSignal: run.stopSignal ?? base?.stopSignal,
    healthcheck: base?.healthcheck,
  };
}

/** Variables keep the place that they have in the image below. */
function mergeEnv(
  base: readonly string[],
  app: ReadonlyMap<string, string>,
  env: ReadonlyMap<string, string>,
): readonly string[] {
  const merged = new Map<string, string>();
  for (const variable of base) {
    const equals = variable.indexOf('=');
    if (equals > 0) merged.set(variable.slice(0, equals), variable.slice(equals + 1));
  }
  if (!merged.has('PATH')) merged.set('PATH', defaultPath);
  for (const [name, value] of app) {
    merged.set(name, name === 'PATH' ? `${value}:${merged.get('PATH')}` : value);
  }
  for (const [name, value] of env) merged.set(name, value);
  return [...merged].map(([name, value]) => `${name}=${value}`);
}

function textOf({ user, group }: OwnerChoice): string {
  return group === undefined ? user : `${user}:${group}`;
}
