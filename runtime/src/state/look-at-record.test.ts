import { digestOf } from '@img/spec/digest';
import test from 'ava';
import type { ContainerRecord } from './container-record.ts';
import { lookAtRecord } from './look-at-record.ts';
import type { ProcessIdentity } from './process-identity.ts';

const [img, conmon, later] = [10, 20, 30].map((pid): ProcessIdentity => {
  return { pid, startTicks: pid, bootId: 'this', pidNamespace: 'pid:[1]' };
}) as [ProcessIdentity, ProcessIdentity, ProcessIdentity];

function recordOf(supervisor: ProcessIdentity): ContainerRecord {
  return {
    ...{ id: 'aa11111111111111', reference: 'x', digest: digestOf(new Uint8Array()), signers: [] },
    ...{ profile: 'app', insecure: [], runtime: 'crun', stopSignal: 15, started: '2026-11-23T00:00:00Z' },
    supervisor,
  };
}

type Row = {
  /** What the record says, each time it is read. */
  readonly reads: readonly (ProcessIdentity | undefined)[];
  readonly running: readonly ProcessIdentity[];
  readonly found: readonly [ProcessIdentity, boolean] | undefined;
  readonly reason: string;
};

const rows: readonly Row[] = [
  { reads: [undefined], running: [], found: undefined, reason: 'no record' },
  { reads: [img], running: [img], found: [img, true], reason: 'one look is enough for what runs' },
  { reads: [conmon, conmon], running: [], found: [conmon, false], reason: 'left alone' },
  {
    reads: [img, conmon],
    running: [conmon],
    found: [conmon, true],
    reason: 'handed over, and the command has ended before anybody looked at it',
  },
  {
    reads: [img, conmon, conmon],
    running: [],
    found: [conmon, false],
    reason: 'handed over, and both have ended',
  },
  { reads: [img, conmon, later], running: [later], found: [later, true], reason: 'handed over twice' },
  { reads: [img, undefined], running: [], found: undefined, reason: 'removed when it had ended' },
  {
    reads: [img, { ...img, startTicks: 11 }],
    running: [{ ...img, startTicks: 11 }],
    found: [{ ...img, startTicks: 11 }, true],
    reason: 'the number of the one that ended is given again',
  },
];

for (const { reads, running, found, reason } of rows) {
  test(`lookAtRecord() finds out who supervises a container: ${reason}`, (t) => {
    const left = [...reads];
    const looked = lookAtRecord(
      () => {
        t.not(left.length, 0, 'it is read no more often than needed');
        const supervisor = left.shift();
        return supervisor === undefined ? undefined : recordOf(supervisor);
      },
      ({ pid, startTicks }) => running.some((one) => one.pid === pid && one.startTicks === startTicks),
    );
    t.deepEqual(looked === undefined ? undefined : [looked.record.supervisor, looked.isSupervised], found);
    t.is(left.length, 0);
  });
}
