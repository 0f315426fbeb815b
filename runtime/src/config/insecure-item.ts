import { quote } from '@img/spec/quote';
import { capabilityNames } from '../linux/capability.ts';
import { RuntimeError } from '../runtime-error.ts';

/** What a caller may give up, one by one; recorded with the container. What has no name here can't be given up. */
export type InsecureItem =
  | 'signature'
  | 'privileges'
  | 'seccomp'
  | 'kernel-files'
  | `capability:${string}`
  | `device:/dev/${string}`;

/** What is given up with each, for help texts and the documentation. */
export const insecureItems: readonly (readonly [item: string, meaning: string])[] = [
  ['signature', 'starts what nobody trusted has signed'],
  ['privileges', 'set-user-ID programs of the image give rights'],
  ['capability:NAME', 'gives the app one, such as NET_ADMIN, whoever it runs as'],
  ['seccomp', 'allows every system call'],
  ['kernel-files', 'hides nothing in /proc and /sys, and lets root write there'],
  ['device:/dev/NAME', 'shows the app a device of the host'],
];

const plain = ['signature', 'privileges', 'seccomp', 'kernel-files'] as const;

/**
 * Reads the name of a protection that is given up. A capability may be written as the kernel does or in short.
 *
 * @throws RuntimeError INSECURE_INVALID
 */
export function parseInsecureItem(text: string): InsecureItem {
  const known = plain.find((item) => item === text);
  if (known !== undefined) return known;
  if (text.startsWith('capability:')) return parseCapability(text);
  const [, device] = /^device:(\/dev\/[\w.+/-]{1,200})$/.exec(text) ?? [];
  if (
    device
      ?.slice(1)
      .split('/')
      .every((part) => !/^\.*$/.test(part)) === true
  ) {
    return `device:${device as `/dev/${string}`}`;
  }
  throw new RuntimeError('INSECURE_INVALID', `${quote(text)} is nothing that can be given up`, {
    hint: `these can: ${insecureItems.map(([item]) => item).join(', ')}`,
  });
}

/** The capabilities among the items, by the kernel's names. */
export function givenCapabilities(items: readonly InsecureItem[]): readonly string[] {
  return items.filter((item) => item.startsWith('capability:')).map((item) => `CAP_${afterColon(item)}`);
}

/** The paths of the devices among the items. */
export function givenDevices(items: readonly InsecureItem[]): readonly string[] {
  return items.filter((item) => item.startsWith('device:')).map(afterColon);
}

function parseCapability(text: string): InsecureItem {
  const name = afterColon(text).toUpperCase().replace(/^CAP_/, '');
  if (capabilityNames.includes(`CAP_${name}`)) return `capability:${name}`;
  throw new RuntimeError('INSECURE_INVALID', `${quote(text)} names no capability`, {
    hint: 'names are those of capabilities(7), such as capability:NET_ADMIN',
  });
}

function afterColon(item: string): string {
  return item.slice(item.indexOf(':') + 1);
}
