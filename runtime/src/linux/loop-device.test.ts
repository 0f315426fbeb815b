import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test, { type ExecutionContext } from 'ava';
import { needsLoopDevices } from '../testing/needs-loop-devices.ts';
import { openLoopDevice } from './loop-device.ts';
import { hasErrno } from './system-call.ts';

function makeFile(t: ExecutionContext, bytes: Uint8Array): string {
  const path = join(temporaryFolder(t), 'file');
  writeFileSync(path, bytes);
  return path;
}

/** The devices that have a file behind them. */
function devicesOf(path: string): readonly string[] {
  return readdirSync('/sys/block').filter((name) => {
    const backing = `/sys/block/${name}/loop/backing_file`;
    try {
      return name.startsWith('loop') && readFileSync(backing, 'utf8').trimEnd() === path;
    } catch (error) {
      // Of a device that is free, or just becomes it.
      if (!/^(?:ENOENT|ENXIO|ENODEV)$/.test((error as NodeJS.ErrnoException).code ?? '')) throw error;
      return false;
    }
  });
}

/** Resolves when no device has a file behind it. Some kernels free it later; udev opens each new one for a moment, too. */
async function untilFree(path: string): Promise<void> {
  while (devicesOf(path).length > 0) await delay(20);
}

test('openLoopDevice() shows whole sectors of a file, which nobody can write', async (t) => {
  if (!needsLoopDevices(t)) return;
  const content = Buffer.alloc(5000, 'content');
  const path = makeFile(t, content);
  const file = openSync(path, 'r');
  const device = openLoopDevice(file);
  closeSync(file);
  t.true(readFileSync(`/proc/self/fd/${device}`).equals(content.subarray(0, 9 * 512)));
  const name = basename(readlinkSync(`/proc/self/fd/${device}`));
  t.deepEqual(devicesOf(path), [name]);
  t.is(readFileSync(`/sys/block/${name}/ro`, 'utf8'), '1\n');
  const written = openSync(`/dev/${name}`, 'r+');
  t.throws(() => writeSync(written, 'x'), { code: 'EPERM' });
  closeSync(written);
  closeSync(device);
  await untilFree(path);
});

test('openLoopDevice() gives each its own device, also of one file', async (t) => {
  if (!needsLoopDevices(t)) return;
  const path = makeFile(t, Buffer.alloc(512));
  const file = openSync(path, 'r');
  const devices = Array.from({ length: 20 }, () => openLoopDevice(file));
  t.is(new Set(devices.map((device) => readlinkSync(`/proc/self/fd/${device}`))).size, 20);
  for (const descriptor of [file, ...devices]) closeSync(descriptor);
  await untilFree(path);
});

test('openLoopDevice() of what is no file says so, and keeps no device', async (t) => {
  if (!needsLoopDevices(t)) return;
  const folder = temporaryFolder(t);
  const descriptor = openSync(folder, 'r');
  t.true(
    hasErrno(
      t.throws(() => openLoopDevice(descriptor)),
      'EINVAL',
    ),
  );
  closeSync(descriptor);
  await untilFree(folder);
});

test('a killed process leaves no loop device', async (t) => {
  if (!needsLoopDevices(t)) return;
  const path = makeFile(t, Buffer.alloc(512));
  const program = `
    import { openSync, writeSync } from 'node:fs';
    import { openLoopDevice } from ${JSON.stringify(new URL('./loop-device.ts', import.meta.url).href)};
    openLoopDevice(openSync(${JSON.stringify(path)}, 'r'));
    writeSync(1, 'opened');
    setInterval(() => undefined, 1000);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  await Promise.race([once(child.stdout, 'data'), exited]);
  t.is(devicesOf(path).length, 1);
  child.kill('SIGKILL');
  await exited;
  await untilFree(path);
});
