import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import { readFirstProcess } from './first-process.ts';

for (const [runtime, name, text, expected, reason] of [
  [
    'runc',
    'state.json',
    '{"id":"a","init_process_pid":12,"init_process_start":345}',
    [12, 345],
    'as runc has it',
  ],
  ['crun', 'status', '{"pid": 12, "process-start-time": 345, "id": "a"}', [12, 345], 'as crun has it'],
  ['runc', 'state.json', '{"init_process_pid":0,"init_process_start":0}', undefined, 'no process'],
  ['nspawn', 'status', '{"pid":12,"process-start-time":345}', [12, 345], 'as img has it beside nspawn'],
  ['crun', 'status', '{"pid": 12', undefined, 'not written to the end'],
  ['crun', 'state.json', '{"pid": 12, "process-start-time": 345}', undefined, 'another file'],
] as const) {
  test(`readFirstProcess() of ${runtime}: ${reason}`, (t) => {
    const root = temporaryFolder(t);
    mkdirSync(join(root, 'a'));
    writeFileSync(join(root, 'a', name), text);
    const [pid, startTicks] = expected ?? [];
    t.deepEqual(
      readFirstProcess(root, runtime, 'a'),
      expected === undefined ? undefined : ({ pid, startTicks } as never),
    );
    t.is(readFirstProcess(root, runtime, 'b'), undefined);
  });
}
