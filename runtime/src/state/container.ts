import type { ContainerRecord } from './container-record.ts';

/** A running container. */
export type RunningContainer = ContainerRecord & {
  /** Its first process, as the host numbers it; undefined while the runtime is still preparing. */
  readonly pid: number | undefined;
  /** Where it is in the network `bridge`; absent if it is not, or not yet. */
  readonly network?: ContainerNetwork;
};

/** Where a container is in a network. */
export type ContainerNetwork = {
  readonly addresses: readonly string[];
  /** `ADDRESS:HOST:CONTAINER[/udp]` each. */
  readonly ports: readonly string[];
};

/** A container that has ended and is kept. */
export type EndedContainer = ContainerRecord & {
  /** As a shell would say it: 128 and the number of the signal if that ended the app. */
  readonly exitCode: number;
  /** RFC 3339. */
  readonly ended: string;
};

/** A container that runs, or one that has ended and is kept. */
export type Container = RunningContainer | EndedContainer;

export function isEnded(container: Container): container is EndedContainer {
  return 'exitCode' in container;
}
