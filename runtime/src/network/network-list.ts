import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type JsonObject, parseJson } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import { quote } from '@img/spec/quote';
import { RuntimeError } from '../runtime-error.ts';

/** A network as CNI plugins make it (CNI 1.0.0, "Network configuration format"). */
export type NetworkList = {
  readonly name: string;
  readonly cniVersion: string;
  /** In the order in which they are added; at least one. */
  readonly plugins: readonly NetworkPlugin[];
};

export type NetworkPlugin = {
  /** The name of its program. */
  readonly type: string;
  /** Whether it is told which ports are published. */
  readonly takesPorts: boolean;
  /** As it was written. */
  readonly config: JsonObject;
};

/** The file that takes the place of the network that is built in. */
export const networkListName = 'bridge.conflist';

const maxBytes = 256 * 1024;
const maxPlugins = 16;
// Results of 0.2.0 and before have another form.
const versions = ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'];
const usualRunFolder = '/run/img';

/**
 * The network `bridge` of this host: as its administrator has written it down, else the one that is built in.
 *
 * @param folder usually /etc/img/net.d
 * @param runFolder the network that is built in keeps its addresses there, and has a name of its own for each
 * @throws RuntimeError NETWORK_INVALID
 */
export function readNetworkList(folder: string | undefined, runFolder: string): NetworkList {
  const path = folder === undefined ? undefined : join(folder, networkListName);
  const bytes = path === undefined ? undefined : readIfThere(path);
  if (path === undefined || bytes === undefined) return builtInList(runFolder);
  try {
    return parseNetworkList(bytes);
  } catch (cause) {
    throw new RuntimeError('NETWORK_INVALID', `${path} is no network: ${(cause as Error).message}`, {
      cause,
      hint: 'it should be a list of CNI plugins; without the file the network that is built in is used',
    });
  }
}

/** @throws SpecError, RuntimeError NETWORK_INVALID */
export function parseNetworkList(bytes: Uint8Array): NetworkList {
  const fields = new JsonFields(parseJson(bytes, { maxBytes }), 'network', 'CONFIG_INVALID');
  const name = fields.string('name');
  if (!/^[A-Za-z0-9][\w.-]{0,62}$/.test(name)) throw invalid(`name ${quote(name)} is none`);
  const cniVersion = fields.string('cniVersion');
  if (!versions.includes(cniVersion)) {
    throw invalid(`cniVersion ${quote(cniVersion)} should be one of ${versions.join(', ')}`);
  }
  const plugins = fields.array('plugins', maxPlugins).map((value, index): NetworkPlugin => {
    const plugin = new JsonFields(value, `network.plugins[${index}]`, 'CONFIG_INVALID');
    const type = plugin.string('type');
    // It becomes the name of a program.
    if (!/^[A-Za-z0-9][\w.-]{0,62}$/.test(type)) throw invalid(`plugin ${quote(type)} is no name`);
    const takesPorts = plugin.optionalObject('capabilities')?.optionalBoolean('portMappings') === true;
    return { type, takesPorts, config: value as JsonObject };
  });
  if (plugins.length === 0) throw invalid('it has no plugins');
  return { name, cniVersion, plugins };
}

/**
 * A bridge behind which the host translates addresses, and published ports. The addresses are kept where they are
 * forgotten with the next boot, as the containers are.
 */
function builtInList(runFolder: string): NetworkList {
  const { bridge, subnet } = bridgeOf(runFolder);
  const plugin = (config: JsonObject & { readonly type: string }, takesPorts = false): NetworkPlugin => ({
    type: config.type,
    takesPorts,
    config,
  });
  return {
    name: bridge,
    cniVersion: '1.0.0',
    plugins: [
      plugin({
        type: 'bridge',
        bridge,
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: join(runFolder, 'networks', 'leases'),
          ranges: [[{ subnet }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      }),
      plugin({ type: 'portmap', snat: true, capabilities: { portMappings: true } }, true),
      plugin({ type: 'firewall' }),
    ],
  };
}

// Two instances of img on one host must not give away the same addresses.
function bridgeOf(runFolder: string): { readonly bridge: string; readonly subnet: string } {
  if (runFolder === usualRunFolder) return { bridge: 'img0', subnet: '10.90.0.0/16' };
  const hash = createHash('sha256').update(runFolder).digest();
  return { bridge: `img-${hash.toString('hex', 0, 4)}`, subnet: `10.91.${hash.readUInt8(4)}.0/24` };
}

function readIfThere(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new RuntimeError('NETWORK_INVALID', `${path} can't be read: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function invalid(message: string): RuntimeError {
  return new RuntimeError('NETWORK_INVALID', message);
}
