import { isIP, isIPv6 } from 'node:net';
import { type JsonObject, parseJson } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';

/** What a network has given to a container. */
export type NetworkResult = {
  /** Without the length of a prefix. */
  readonly addresses: readonly string[];
  /** The host, as the container reaches it; undefined where it does not. */
  readonly gateway: string | undefined;
  /** Who answers for names, if the network says so. */
  readonly nameservers: readonly string[];
};

/** The most that a plugin may say. */
export const maxResultBytes = 256 * 1024;
const maxItems = 64;

/** What a plugin answered, for the next one. @throws SpecError */
export function parsePluginAnswer(bytes: Uint8Array): JsonObject {
  const value = parseJson(bytes, { maxBytes: maxResultBytes });
  // It should be an object, of which only a part is read here.
  const _fields = new JsonFields(value, 'result', 'CONFIG_INVALID');
  return value as JsonObject;
}

/**
 * Reads the result of the last plugin (CNI 1.0.0, "ADD Success").
 *
 * @throws SpecError
 */
export function parseNetworkResult(answer: JsonObject): NetworkResult {
  const fields = new JsonFields(answer, 'result', 'CONFIG_INVALID');
  const ips = (fields.optionalArray('ips', maxItems) ?? []).map((value, index) => {
    return new JsonFields(value, `result.ips[${index}]`, 'CONFIG_INVALID');
  });
  const isAddress = (text: string | undefined): text is string => text !== undefined && isIP(text) !== 0;
  return {
    addresses: ips.map((ip) => ip.string('address').replace(/\/\d+$/, '')).filter(isAddress),
    gateway: ips.map((ip) => ip.optionalString('gateway')).find(isAddress),
    nameservers: (fields.optionalObject('dns')?.optionalStrings('nameservers', maxItems) ?? []).filter(
      isAddress,
    ),
  };
}

export function hasIpv6({ addresses }: Pick<NetworkResult, 'addresses'>): boolean {
  return addresses.some((address) => isIPv6(address));
}
