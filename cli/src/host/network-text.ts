import type { ContainerNetwork } from '@img/runtime/state/container';

/** Where a container is reached, for people: its addresses, and from which ports of the host to which of its own. */
export function networkText(network: ContainerNetwork | undefined): string {
  const { addresses = [], ports = [] } = network ?? {};
  return [...addresses, ...ports.map((text) => text.replace(/:(\d+(?:\/udp)?)$/, '->$1'))].join(', ');
}
