import { writeFileSync } from 'node:fs';
import type { RuntimeConfig } from '@img/spec/runtime-config';
import { formatPortMapping } from '../config/port-mapping.ts';
import type { RunOptions } from '../config/run-options.ts';
import { secretsFolder } from '../config/secret.ts';
import type { PlannedMount } from '../config/storage.ts';
import type { NetworkRecord } from '../network/network-record.ts';
import { type ContainerMount, encodeContainerSettings } from '../state/container-settings.ts';
import type { RunState } from '../state/run-state.ts';
import type { PlacedMount } from './place-mounts.ts';

export type SettingsSource = {
  readonly config: RuntimeConfig;
  readonly placed: readonly PlacedMount[];
  readonly options: RunOptions;
  readonly isWritable: boolean;
  readonly health: string | undefined;
  readonly network: NetworkRecord | undefined;
};

/** Writes down how a container is set up, for those who look at it. */
export function recordSettings(state: RunState, id: string, source: SettingsSource): void {
  const { options, health, placed } = source;
  const { hostname, linux } = source.config;
  const { memory, cpu, pids } = linux.resources;
  const mounts = placed.map(({ mount }) => mount).filter(({ destination }) => destination !== secretsFolder);
  const text = encodeContainerSettings({
    hostname,
    network: options.network ?? 'none',
    addresses: source.network?.addresses ?? [],
    ports: (options.ports ?? []).map(formatPortMapping),
    mounts: mounts.map(mountOf),
    secrets: (options.secrets ?? []).map(({ name }) => name),
    isWritable: source.isWritable,
    hasTerminal: options.hasTerminal ?? false,
    isInteractive: options.isInteractive ?? false,
    limits: {
      ...(memory === undefined ? {} : { memoryBytes: memory.limit }),
      ...(cpu === undefined ? {} : { cpus: cpu.quota / cpu.period }),
      ...(pids === undefined ? {} : { pids: pids.limit }),
    },
    ...(health === undefined ? {} : { health }),
  });
  writeFileSync(state.settingsFile(id), text, { mode: 0o600 });
}

function mountOf(mount: PlannedMount): ContainerMount {
  const { destination } = mount;
  if (mount.kind === 'scratch') return { destination, readOnly: false, sizeBytes: mount.sizeBytes };
  return { destination, source: mount.source, readOnly: mount.readOnly };
}
