import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import type { ContainerRecord } from './container-record.ts';
import { killContainer } from './kill-container.ts';
import { identifyProcess } from './process-identity.ts';

test('killContainer() ends the first process of one without a control group, and nobody in another namespace', async (t) => {
  const child = spawn('sleep', ['1000']);
  t.teardown(() => child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  const supervisor = identifyProcess(child.pid ?? 0) ?? t.fail();
  const root = temporaryFolder(t);
  const id = '0123456789abcdef';
  mkdirSync(join(root, id));
  const status = { pid: supervisor.pid, 'process-start-time': supervisor.startTicks };
  writeFileSync(join(root, id, 'status'), JSON.stringify(status));
  const kill = async (pidNamespace: string) => {
    const record = { id, runtime: 'crun', isUngrouped: true, supervisor: { ...supervisor, pidNamespace } };
    await killContainer(id, record as ContainerRecord, root);
  };
  await kill('pid:[1]');
  t.truthy(identifyProcess(supervisor.pid), 'the number is that of another process here');
  await kill(supervisor.pidNamespace);
  t.deepEqual(await ended, [null, 'SIGKILL']);
});
