import {
  checkPorts,
  formatPortMapping,
  type PortMapping,
  parsePortMapping,
} from '@img/runtime/config/port-mapping';
import { type Network, networkNames } from '@img/runtime/config/run-options';
import { type Command, Option } from 'commander';
import { parseArgument } from '../argument.ts';
import { collectText } from '../option-values.ts';

/** The options of an app's network. */
export type NetworkLine = {
  readonly net?: Network;
  readonly publish?: readonly string[];
};

const publishHelp = `
Networks: none has nobody in it. With host the app is in the network of this host. With bridge it reaches what this
host reaches, this host itself and other apps in the bridge, and is reached through published ports. --publish
8080:80 leads from port 8080 of this host to port 80 of the app, for programs of this host alone; to show it to
others say where: --publish 0.0.0.0:8080:80 is every address of this host. Without root, bridge is a network for this
app alone, made by slirp4netns: it reaches what this host reaches, but not the loopback of this host, and datagrams
(/udp) are published on other addresses than that.`;

/** Adds them, with what they mean. */
export function addNetworkOptions(command: Command, heading: string): void {
  command
    .addOption(
      new Option('--net <network>', 'none, host or bridge; bridge if ports are published, else none')
        .choices(networkNames)
        .helpGroup(heading),
    )
    .addOption(
      new Option('-p, --publish <[address:]host:container[/udp]>', 'lead a port of this host to the app')
        .argParser(collectText)
        .helpGroup(heading),
    )
    .addHelpText('after', publishHelp);
}

/**
 * The network that somebody typed, and the ports. Who publishes ports means the network where that is possible.
 *
 * @throws CliError USAGE
 */
export function typedNetwork({ net, publish = [] }: NetworkLine): {
  readonly network?: Network;
  readonly ports?: readonly PortMapping[];
} {
  const ports = publish.map((text) => parseArgument(parsePortMapping, text));
  const network = net ?? (ports.length > 0 ? 'bridge' : undefined);
  parseArgument(() => checkPorts(ports, network ?? 'none'), publish.join(' '));
  return {
    ...(network === undefined ? {} : { network }),
    ...(ports.length === 0 ? {} : { ports }),
  };
}

/** Like {@link typedNetwork}, as a definition of an app has it. */
export function definedNetwork(line: NetworkLine): {
  readonly network?: Network;
  readonly ports?: readonly string[];
} {
  const { ports, ...rest } = typedNetwork(line);
  return { ...rest, ...(ports === undefined ? {} : { ports: ports.map(formatPortMapping) }) };
}
