import { once } from 'node:events';
import { chownSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { needsRoot, needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import type { RuntimeName } from '../state/container-record.ts';
import { start } from '../testing/launch-harness.ts';

const owners = [4242, 4343] as const;
const redirected = 'input=$0; exec "$@" <"$input" >"$input.out" 2>"$input.err"';

// The app does with its input what its caller may, and its user may not.
const script = 'cat; echo heard >&2; (echo more >>/proc/self/fd/0) 2>/dev/null; echo over';

for (const runtime of ['crun', 'runc'] satisfies readonly RuntimeName[]) {
  for (const user of ['1000:1000', '0']) {
    test(`${runtime}: the files that an app of user ${user} reads and writes stay their owner’s`, async (t) => {
      if (!needsRoot(t) || !needsTool(t, runtime) || !needsTool(t, 'busybox')) return;
      const input = join(temporaryFolder(t), 'file');
      const paths = ['', '.out', '.err'].map((ending) => `${input}${ending}`);
      for (const path of paths) {
        writeFileSync(path, path === input ? 'said\n' : '', { mode: 0o644 });
        chownSync(path, ...owners);
      }
      const options = { user, isInteractive: true };
      const { child } = start(t, runtime, script, { options, wrapper: ['sh', '-c', redirected, input] });
      t.deepEqual(await once(child, 'exit'), [0, null], readFileSync(`${input}.err`, 'utf8'));
      t.like(statSync(input), { uid: owners[0], gid: owners[1], mode: 0o100644 });
      for (const path of paths) t.deepEqual([statSync(path).uid, statSync(path).gid], owners, path);
      t.is(readFileSync(`${input}.out`, 'utf8'), 'said\nover\n');
      t.is(readFileSync(`${input}.err`, 'utf8'), 'heard\n');
      if (user !== '0') t.is(readFileSync(input, 'utf8'), 'said\n', 'what it reads it can’t write');
    });
  }
}
