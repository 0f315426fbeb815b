import { spawnSync } from 'node:child_process';
import { say } from './say.ts';

/** Makes sure that an OCI runtime is there: asks Debian's package manager for runc if neither is found. */
export function ensureRuntime(): void {
  if (process.getuid?.() !== 0) {
    throw new Error(
      'the quickstart runs a container at its end, which needs root: run it as root or with sudo',
    );
  }
  const present = ['runc', 'crun'].filter((program) => spawnSync(program, ['--version']).status === 0);
  if (present.length > 0) {
    say(`Runtime to start containers with: ${present.join(' and ')}, already installed`);
    return;
  }
  say('Installing runc, which starts containers: apt-get install runc');
  for (const words of [['update'], ['install', '--yes', '--no-install-recommends', 'runc']]) {
    const { status } = spawnSync('apt-get', ['--quiet', ...words], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    if (status !== 0) throw new Error(`apt-get ${words.join(' ')} failed; install runc or crun by hand`);
  }
}
