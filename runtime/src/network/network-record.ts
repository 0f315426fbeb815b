import { isIP } from 'node:net';
import { parseJson } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import { formatPortMapping, type PortMapping, parsePortMapping } from '../config/port-mapping.ts';
import type { NetworkResult } from './plugin-result.ts';

/** What a host remembers of the network of one container. */
export type NetworkRecord = NetworkResult & {
  /** The id of the container. */
  readonly container: string;
  readonly ports: readonly PortMapping[];
  /** The folder of the plugins, and their programs in the order in which they were added. */
  readonly folder: string;
  readonly programs: readonly string[];
};

const maxBytes = 64 * 1024;
const maxItems = 1024;

export function encodeNetworkRecord({ ports, gateway, ...record }: NetworkRecord): string {
  const texts = { ...record, gateway: gateway ?? null, ports: ports.map(formatPortMapping) };
  return `${JSON.stringify(texts, undefined, 2)}\n`;
}

/** @throws SpecError, RuntimeError PORT_INVALID */
export function parseNetworkRecord(bytes: Uint8Array): NetworkRecord {
  const fields = new JsonFields(parseJson(bytes, { maxBytes }), 'network', 'CONFIG_INVALID');
  const addresses = (key: string) => {
    return (fields.optionalStrings(key, maxItems) ?? []).filter((text) => isIP(text) !== 0);
  };
  return {
    container: fields.string('container'),
    ports: (fields.optionalStrings('ports', maxItems) ?? []).map(parsePortMapping),
    folder: fields.string('folder'),
    programs: fields.optionalStrings('programs', maxItems) ?? [],
    addresses: addresses('addresses'),
    gateway: fields.optionalString('gateway'),
    nameservers: addresses('nameservers'),
  };
}
