import { createHash } from 'node:crypto';
import type { ContainerName } from '../state/container-name.ts';

/** The id of an app's container, always the same, so that its unit can name it. */
export function appId(name: ContainerName): string {
  return createHash('sha256').update(`app ${name}`).digest('hex').slice(0, 16);
}
