import type { ContainerName } from '../state/container-name.ts';
import type { AppDefinition } from './app-definition.ts';

/** An app that a host shall have, or has. */
export type NamedDefinition = { readonly name: ContainerName; readonly definition: AppDefinition };

/** What a host does to have what it shall have. */
export type AppChange =
  | { readonly action: 'install'; readonly name: ContainerName; readonly definition: AppDefinition }
  | {
      readonly action: 'change';
      readonly name: ContainerName;
      readonly definition: AppDefinition;
      /** The keys that become others, sorted. */
      readonly keys: readonly string[];
    }
  | { readonly action: 'uninstall'; readonly name: ContainerName };

/**
 * What is to be done so that a host has the apps that it shall have; nothing if it has them. Apps that were not
 * applied are left alone.
 *
 * @param current the applied apps of the host, as they are
 */
export function planApps(
  desired: readonly NamedDefinition[],
  current: readonly NamedDefinition[],
): readonly AppChange[] {
  const there = new Map(current.map(({ name, definition }) => [name, definition]));
  const wanted = new Set(desired.map(({ name }) => name));
  const gone = current.filter(({ name }) => !wanted.has(name));
  return [
    // First, because others may need what they have, such as a port.
    ...gone.map(({ name }): AppChange => ({ action: 'uninstall', name })),
    ...desired.flatMap(({ name, definition }): readonly AppChange[] => {
      const before = there.get(name);
      if (before === undefined) return [{ action: 'install', name, definition }];
      const keys = differentKeys(before, definition);
      return keys.length === 0 ? [] : [{ action: 'change', name, definition, keys }];
    }),
  ];
}

function differentKeys(before: AppDefinition, after: AppDefinition): readonly string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  const text = (definition: AppDefinition, key: string) => {
    return JSON.stringify(sorted((definition as { readonly [key: string]: unknown })[key]));
  };
  return [...keys].filter((key) => text(before, key) !== text(after, key)).sort();
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
