import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { runForRefusal } from '../testing/instance.ts';
import type { Stage } from '../testing/stage.ts';

/** Shows who the app is and where. */
const script = `import os, sys
print(os.getresuid(), os.getresgid(), os.getgroups(), os.getcwd(), sys.argv)
print(os.environ['HOME'], os.environ['PATH'])`;

/**
 * Has the publisher build com.example.app:1.0.0 of Debian packages, with busybox and Python in it. False if there is
 * no mirror to be reached, which the test then says.
 *
 * @param buildOptions of `img build`
 */
export async function buildDebianApp(
  t: ExecutionContext,
  { folder, publisher }: Stage,
  buildOptions: readonly string[] = [],
): Promise<boolean> {
  await mkdir(join(folder, 'app'));
  await writeFile(
    join(folder, 'app/img.yaml'),
    'name: com.example.app\nversion: 1.0.0\nos: debian:13\npackages: [adduser, busybox-static, python3-minimal]\n' +
      `run: {user: app, cmd: [python3, -c, ${JSON.stringify(script)}]}\n`,
  );
  const { error } = await runForRefusal(publisher, ['build', 'app', ...buildOptions]);
  if (error?.code === 'ARCHIVE_UNREACHABLE') {
    t.log(`NOT TESTED: ${error.message}`);
    t.pass();
    return false;
  }
  t.is(error, undefined);
  return true;
}
