import { parseByteSize } from '../config/byte-size.ts';
import { confinementOf } from '../config/confinement.ts';
import { parsePortMapping } from '../config/port-mapping.ts';
import type { RunOptions } from '../config/run-options.ts';
import { parseSecret } from '../config/secret.ts';
import { parseBindMount, parseScratchMount } from '../config/storage.ts';
import { type AppDefinition, confinementOptions } from './app-definition.ts';

/**
 * What a definition changes about how its image is run. Limits are those of its unit, so there are none here.
 *
 * @param credentials `$CREDENTIALS_DIRECTORY` of the unit
 * @throws RuntimeError SECRET_INVALID, MOUNT_INVALID
 */
export function appOptions(definition: AppDefinition, credentials?: string): RunOptions {
  const { command, entrypoint, user, workdir, hostname, network = 'none' } = definition;
  const { ports = [], volumes = [], tmpfs = [], secrets = [], environment = [] } = definition;
  // Its limits are those of the unit.
  const { pids: _limit, ...confinement } = confinementOptions(definition);
  return {
    env: environment,
    mounts: [
      ...volumes.map((text) => parseBindMount(text, '/')),
      ...tmpfs.map((text) => parseScratchMount(text)),
    ],
    secrets: secrets.map((text) => parseSecret(text, '/', credentials)),
    ...confinement,
    network,
    ports: ports.map(parsePortMapping),
    ...(command === undefined ? {} : { command }),
    ...(entrypoint === undefined ? {} : { entrypoint: [entrypoint] }),
    ...(user === undefined ? {} : { user }),
    ...(workdir === undefined ? {} : { workingDir: workdir }),
    ...(hostname === undefined ? {} : { hostname }),
  };
}

/** The limits of the unit of an app; undefined where it has none of its own. */
export function unitLimits(definition: AppDefinition): {
  readonly memoryBytes: number | undefined;
  readonly cpuPercent: number | undefined;
  readonly pids: number;
} {
  const { memory, cpus } = definition;
  return {
    memoryBytes: memory === undefined ? undefined : parseByteSize(memory, 'memory'),
    cpuPercent: cpus === undefined ? undefined : Math.round(Number(cpus) * 100),
    // As for any other container.
    pids: confinementOf(confinementOptions(definition)).pids,
  };
}
