import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { needsRoot, needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import type { RuntimeName } from '../state/container-record.ts';
import { run, start, startDetached } from '../testing/launch-harness.ts';

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

// They belong to the whole host, and an owner could close them to it.
const ofNobody = '4459:4460';

// The words after it: modules, where the container is, and which it is.
const executed = `
const [stateUrl, findUrl, execUrl, folder, id] = process.argv.slice(1);
const { RunState } = await import(stateUrl);
const { findContainer } = await import(findUrl);
const { execInContainer } = await import(execUrl);
const state = new RunState(folder);
execInContainer(state, findContainer(state, id), { user: '${ofNobody}', command: ['sh', '-c', 'id -u >&2'] });`;
const modules = [
  '../state/run-state.ts',
  '../containers/find-container.ts',
  '../containers/exec-in-container.ts',
].map((path) => new URL(path, import.meta.url).href);

for (const runtime of ['crun', 'runc'] satisfies readonly RuntimeName[]) {
  test(`${runtime}: pipes with a name stay their owner’s, and others become the app’s`, async (t) => {
    if (!needsRoot(t) || !needsTool(t, runtime) || !needsTool(t, 'busybox')) return;
    const pipe = join(temporaryFolder(t), 'pipe');
    execFileSync('mkfifo', [pipe]);
    chownSync(pipe, ...owners);
    const wrapper = ['sh', '-c', 'pipe=$0; "$@" 2<>"$pipe" | cat', pipe];
    const { code, stdout } = await run(t, runtime, 'echo said >/dev/stdout', {
      options: { user: ofNobody },
      wrapper,
    });
    t.deepEqual([code, stdout], [0, 'said\n']);
    t.like(statSync(pipe), { uid: owners[0], gid: owners[1] });
  });

  test(`${runtime}: a command beside an app does not own the host’s /dev/null`, async (t) => {
    if (!needsRoot(t) || !needsTool(t, runtime) || !needsTool(t, 'busybox') || !needsTool(t, 'conmon'))
      return;
    const { id, runFolder } = await startDetached(t, runtime, 'sleep 1000');
    const words = ['--input-type=module', '--eval', executed, ...modules, runFolder, id];
    const wrapper = ['-c', 'exec "$@" >/dev/null', 'sh', process.execPath, ...words];
    const { stderr } = await promisify(execFile)('sh', wrapper);
    t.is(stderr, '4459\n');
    t.not(statSync('/dev/null').uid, 4459);
  });
}
