/**
 * Run as a process of its own by the tests of launch: becomes the container that its argument describes. Tells on the
 * standard error what it swept before.
 */
import { writeSync } from 'node:fs';
import type { ImageConfig } from '@img/spec/image-config';
import type { RunOptions } from '../config/run-options.ts';
import { launch } from '../launch/launch.ts';
import { launchDetached } from '../launch/launch-detached.ts';
import type { LaunchRequest } from '../launch/prepare-launch.ts';
import { mount, mountFlags } from '../linux/mount.ts';
import type { ContainerName } from '../state/container-name.ts';
import type { ContainerRecord, RuntimeName } from '../state/container-record.ts';
import { RunState } from '../state/run-state.ts';

export type LaunchTreeRequest = {
  readonly runFolder: string;
  /** A folder with the image's content; shown read-only. */
  readonly tree: string;
  readonly image: ImageConfig;
  readonly options: RunOptions;
  readonly runtime: RuntimeName;
  readonly receipt: LaunchRequest['receipt'];
  /** Whether to say `mounting` and wait to be killed in the middle of the launch. */
  readonly stopsInLaunch: boolean;
  /** Where networks are described. */
  readonly networkFolder?: string;
  readonly name?: ContainerName;
  /** Whether the app runs on without its caller, which then says the id. */
  readonly detached?: ContainerRecord['detached'];
};

const request = JSON.parse(process.argv[2] ?? '') as LaunchTreeRequest;
const { networkFolder } = request;
const state = new RunState(request.runFolder, networkFolder === undefined ? {} : { networkFolder });
await state.sweep();
try {
  const { detached, ...rest } = request;
  const launched: LaunchRequest = { ...rest, tree: { method: 'checkout', mount: mountTree } };
  if (detached === undefined) launch(state, launched);
  const { id } = await launchDetached(state, launched, detached);
  writeSync(1, `${id}\n`);
  // What the monitor holds open would keep this process.
  process.exit();
} catch (error) {
  const { name, code, message } = error as Error & { code: string };
  writeSync(2, `${name} ${code}: ${message}\n`);
  process.exitCode = 70;
}

function mountTree(target: string): void {
  mount({ source: request.tree, target, flags: mountFlags.bind });
  mount({ target, flags: mountFlags.bind | mountFlags.remount | mountFlags.readOnly });
  if (!request.stopsInLaunch) return;
  writeSync(1, 'mounting\n');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
