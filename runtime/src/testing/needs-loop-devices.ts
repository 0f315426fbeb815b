import { existsSync } from 'node:fs';
import { needsAbility, needsRoot } from '@img/sign/testing/needs';
import type { ExecutionContext } from 'ava';

/** Whether a test that needs loop devices can run; containers often have none. */
export function needsLoopDevices(t: ExecutionContext): boolean {
  return needsRoot(t) && needsAbility(t, existsSync('/dev/loop-control'), 'loop devices');
}
