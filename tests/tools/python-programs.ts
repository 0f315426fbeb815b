import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { command } from './command.ts';
import type { Missing } from './missing.ts';
import { say } from './say.ts';

/** The validator of the SPDX project, which knows more than the schema. */
const program = { name: 'pyspdxtools', package: 'spdx-tools', version: '0.8.5' } as const;

/**
 * Installs it into an environment of its own beside the folder, unless it is there. Nothing of it is demanded: no
 * Debian release packages it, and not every machine reaches an index of Python packages.
 */
export async function installPythonPrograms(folder: string): Promise<readonly Missing[]> {
  const { name, version } = program;
  const environment = join(folder, '../python');
  const python = join(environment, 'bin/python3');
  const shown = await command(python, ['-m', 'pip', 'show', program.package]);
  if (shown.isDone && shown.stdout.includes(`\nVersion: ${version}\n`)) {
    say(`${name} ${version} is there`);
    return [];
  }
  say(`installing ${name}: pip install ${program.package}==${version}`);
  const made = await command('python3', ['-m', 'venv', '--clear', environment]);
  if (!made.isDone) return [{ name, reason: made.reason, isRequired: false }];
  const installed = await command(python, [
    '-m',
    'pip',
    'install',
    '--quiet',
    `${program.package}==${version}`,
  ]);
  if (!installed.isDone) {
    // What is half there would be taken for whole the next time.
    await rm(environment, { recursive: true, force: true });
    return [{ name, reason: installed.reason, isRequired: false }];
  }
  await rm(join(folder, name), { force: true });
  await symlink(join('../python/bin', name), join(folder, name));
  return [];
}
