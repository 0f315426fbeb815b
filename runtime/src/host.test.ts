import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { digestOf } from '@img/spec/digest';
import test from 'ava';
import { Host } from './host.ts';
import { identifyProcess, type ProcessIdentity } from './state/process-identity.ts';
import type { RunState } from './state/run-state.ts';

/** A container whose process ended without a word: another one has its number. */
function leave(state: RunState, id: string): void {
  const self = identifyProcess(process.pid) as ProcessIdentity;
  state.add({
    id,
    reference: '127.0.0.1:5000/com.example.app:1.0',
    digest: digestOf(new Uint8Array()),
    signers: [],
    profile: 'app',
    insecure: [],
    runtime: 'crun',
    stopSignal: 15,
    supervisor: { ...self, startTicks: self.startTicks - 1 },
    started: '2026-01-01T00:00:00.000Z',
  });
}

test('sweep() leaves containers out once after sweepContainers(), which a command begins with', async (t) => {
  const folder = temporaryFolder(t);
  await using host = new Host({ store: join(folder, 'store'), run: join(folder, 'run'), trust: [] });
  const [first, second] = ['1111111111111111', '2222222222222222'] as const;
  leave(host.state, first);
  t.deepEqual((await host.sweepContainers()).swept, [first]);
  leave(host.state, second);
  t.deepEqual((await host.sweep()).swept, []);
  t.deepEqual((await host.sweep()).swept, [second]);
});
