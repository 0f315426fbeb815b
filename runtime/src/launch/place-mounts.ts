import { realpathSync, statSync } from 'node:fs';
import { quote } from '@img/spec/quote';
import { isAtOrBelow } from '../config/inside-path.ts';
import type { PlannedMount } from '../config/storage.ts';
import { RuntimeError } from '../runtime-error.ts';
import { type InsidePath, resolveInside } from './inside-root.ts';

/** A planned mount with the place where it really is. */
export type PlacedMount = {
  /** Its source resolved, its destination without links. */
  readonly mount: PlannedMount;
  /** What the image has there; undefined below another mount, where the image does not show. */
  readonly inside: InsidePath | undefined;
  /** Whether a file is mounted, not a folder. */
  readonly isFile: boolean;
};

/**
 * Finds where mounts really are: the image's links are followed (`/var/run` is usually `/run`), and of two at the same
 * place the caller's stays.
 *
 * @param plan parents before children
 * @throws RuntimeError MOUNT_INVALID
 */
export function placeMounts(root: string, plan: readonly PlannedMount[]): readonly PlacedMount[] {
  const placed = new Map<string, PlacedMount>();
  for (const mount of plan) {
    const parent = plan.find(
      (other) =>
        other !== mount && isAtOrBelow(mount.destination, other.destination) && placed.has(other.destination),
    );
    placed.set(
      mount.destination,
      parent === undefined ? placeInImage(root, mount) : below(placed, parent, mount),
    );
  }
  const byPlace = new Map<string, PlacedMount>();
  for (const entry of placed.values()) {
    const { destination } = entry.mount;
    if (entry.mount.kind === 'bind' || byPlace.get(destination)?.mount.kind !== 'bind') {
      byPlace.set(destination, entry);
    }
  }
  return [...byPlace.values()]
    .map((entry) => (isBelowOther(entry, byPlace) ? { ...entry, inside: undefined } : entry))
    .sort((a, b) => a.mount.destination.split('/').length - b.mount.destination.split('/').length);
}

function placeInImage(root: string, mount: PlannedMount): PlacedMount {
  const inside = resolveInside(root, mount.destination);
  if (['/proc', '/sys', '/dev'].some((folder) => isAtOrBelow(inside.path, folder)) || inside.path === '/') {
    throw new RuntimeError(
      'MOUNT_INVALID',
      `mount destination ${quote(mount.destination)} leads to ${quote(inside.path)} in this image`,
    );
  }
  const placed = { ...place(mount, inside.path), inside };
  if (inside.stat !== undefined && inside.stat.isDirectory() === placed.isFile) {
    throw new RuntimeError(
      'MOUNT_INVALID',
      `mount destination ${quote(mount.destination)} is ${placed.isFile ? 'a folder' : 'no folder'} in this image`,
      { hint: 'a folder can be mounted only over a folder, a file only over a file' },
    );
  }
  return placed;
}

function below(
  placed: ReadonlyMap<string, PlacedMount>,
  parent: PlannedMount,
  mount: PlannedMount,
): PlacedMount {
  const base = placed.get(parent.destination)?.mount.destination ?? parent.destination;
  return place(mount, `${base}${mount.destination.slice(parent.destination.length)}`);
}

function place(mount: PlannedMount, destination: string): PlacedMount {
  if (mount.kind === 'scratch') return { mount: { ...mount, destination }, inside: undefined, isFile: false };
  try {
    const source = realpathSync(mount.source);
    const isFile = !statSync(source).isDirectory();
    return { mount: { ...mount, source, destination }, inside: undefined, isFile };
  } catch (cause) {
    throw new RuntimeError(
      'MOUNT_INVALID',
      `mount source ${quote(mount.source)} does not exist on this host`,
      {
        cause,
      },
    );
  }
}

function isBelowOther(entry: PlacedMount, all: ReadonlyMap<string, PlacedMount>): boolean {
  const { destination } = entry.mount;
  return [...all.keys()].some((other) => other !== destination && isAtOrBelow(destination, other));
}
