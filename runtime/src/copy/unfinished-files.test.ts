import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import { identifyProcess } from '../state/process-identity.ts';
import { byteStringOf, emptyByteString } from '../tar/byte-string.ts';
import { noContent } from './copy-item.ts';
import { sweepUnfinishedFiles, unfinishedFileName } from './unfinished-files.ts';
import { writeTree } from './write-tree.ts';

/** A name as a process that has ended would have given it. */
async function nameOfEnded(): Promise<string> {
  const child = spawn('sleep', ['1000']);
  const { pid, startTicks } = identifyProcess(child.pid ?? 0) ?? { pid: 0, startTicks: 0 };
  child.kill();
  await once(child, 'exit');
  return unfinishedFileName().replace(/^\.img-tmp-\d+-\d+/, `.img-tmp-${pid}-${startTicks}`);
}

test('sweepUnfinishedFiles() removes what killed processes left, and nothing else', async (t) => {
  const folder = temporaryFolder(t);
  const [mine, left, link, inside] = [
    unfinishedFileName(),
    await nameOfEnded(),
    await nameOfEnded(),
    await nameOfEnded(),
  ];
  const [fresh, old] = [mine, mine].map((name, index) =>
    name.replace(/[0-9a-f]{8}-([0-9a-f]{11})[0-9a-f]$/, `0000000${index}-$1${index}`),
  ) as [string, string];
  const other = `${left}.txt`;
  for (const name of [mine, left, fresh, old, other]) writeFileSync(join(folder, name), '');
  symlinkSync('/', join(folder, link));
  mkdirSync(join(folder, inside));
  writeFileSync(join(folder, inside, 'file'), '');
  const before = new Date(Date.now() - 48 * 60 * 60 * 1000);
  utimesSync(join(folder, old), before, before);
  utimesSync(join(folder, mine), before, before);
  sweepUnfinishedFiles(Buffer.from(`${folder}/`));
  t.deepEqual(readdirSync(folder).toSorted(), [mine, fresh, other, inside].toSorted());
  sweepUnfinishedFiles(Buffer.from(`${folder}/`), { hasFolders: true });
  t.deepEqual(readdirSync(folder).toSorted(), [mine, fresh, other].toSorted());
});

test('writeTree() removes what a killed one left where it writes', async (t) => {
  const folder = temporaryFolder(t);
  const left = await nameOfEnded();
  writeFileSync(join(folder, left), 'half');
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const link = { kind: 'link', path: emptyByteString, target: byteStringOf('somewhere') } as const;
  const base = openSync(folder, 'r');
  t.teardown(() => closeSync(base));
  const items = (async function* () {
    yield {
      ...link,
      ...owner,
      mode: 0o777,
      mtimeSeconds: 1,
      mtimeNanoseconds: 0,
      sizeBytes: 0,
      content: noContent,
    };
  })();
  await writeTree(items, base, byteStringOf('new'), { owner, modeMask: 0o777 });
  t.deepEqual(readdirSync(folder), ['new']);
});

test('sweepUnfinishedFiles() of a folder that is not there does nothing', (t) => {
  t.notThrows(() => sweepUnfinishedFiles(Buffer.from('/does/not/exist/')));
});
