import type { AppDefinition } from '@img/runtime/apps/app-definition';
import { formatPortMapping, parsePortMapping } from '@img/runtime/config/port-mapping';

/**
 * What the ports of an app mean. Numbers alone are those that it serves in the network of the host. With `8080:80`
 * among them, or in the network `bridge`, they are published: a number alone leads from the same port of the host. In
 * both cases an app that serves a port is healthy if that can be reached in its own network, and the file may know better.
 *
 * @param network what the file says
 * @throws RuntimeError PORT_INVALID
 */
export function appPorts(
  texts: readonly string[],
  network: string | undefined,
): Pick<AppDefinition, 'network' | 'ports' | 'health'> {
  const [first] = texts;
  if (first === undefined) return {};
  const isPublished = network === 'bridge' || texts.some((text) => text.includes(':'));
  if (!isPublished) return { network: 'host', health: `tcp://:${first}` };
  const ports = texts.map((text) => parsePortMapping(text.includes(':') ? text : `${text}:${text}`));
  const asked = ports.find(({ protocol }) => protocol === 'tcp');
  return {
    network: 'bridge',
    ports: ports.map(formatPortMapping),
    ...(asked === undefined ? {} : { health: `tcp://:${asked.containerPort}` }),
  };
}
