import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { setDoubleStage } from '../testing/double-stage.ts';
import { folderState } from '../testing/folder-state.ts';
import { runForRefusal } from '../testing/instance.ts';
import { leftBehind } from '../testing/left-behind.ts';
import { canRunShellApp } from '../testing/shell-app.ts';
import { putSignedShellImage, shellLayer } from '../testing/shell-image.ts';
import { hostileNames, hostileSizes } from './hostile-layers.ts';

const reference = 'com.example.app:1.0';
const isPartOfImage = /^(?:trees\/|checkouts\/|refs\/[^/]+\/tags\/1)/;

for (const [verb, layers] of [
  ['run', hostileNames],
  ['pull', hostileSizes],
] as const) {
  for (const { name, make, makeLower, code, message } of layers) {
    test(`img ${verb} refuses a layer that ${name} with ${code}, though it is signed, and writes nothing outside`, async (t) => {
      if (!canRunShellApp(t)) return;
      const { repository, host } = await setDoubleStage(t);
      const outside = join(host.folder, 'outside');
      await mkdir(outside);
      await writeFile(join(outside, 'file'), 'precious');
      const untouched = folderState(outside);
      const path = outside.slice(1);
      const lower = makeLower === undefined ? [] : [makeLower(path)];
      await putSignedShellImage(repository, { layers: [shellLayer(), ...lower, make(path)] });
      const refusal = await runForRefusal(host, [verb, reference]);
      t.like(refusal, { code: 1, error: { code } }, refusal.stderr);
      t.regex(refusal.error?.message ?? '', message);
      t.regex(refusal.stderr, /^[\x20-\x7e…\n]*$/, 'nothing that a terminal obeys');
      t.deepEqual(folderState(outside), untouched);
      t.deepEqual(leftBehind(host), []);
      const parts = Object.keys(folderState(host.root)).filter((file) => isPartOfImage.test(file));
      t.deepEqual(parts, [], 'nothing of it counts as an image');
      await putSignedShellImage(repository, { claim: { sequence: 2 } });
      t.deepEqual(await host.run(['run', reference]), { code: 0, stdout: 'hello\n', stderr: '' });
    });
  }
}
