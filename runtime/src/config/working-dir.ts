import { quote } from '@img/spec/quote';
import { RuntimeError } from '../runtime-error.ts';
import { isAtOrBelow, parseInsidePath } from './inside-path.ts';

/**
 * The folder where the process starts; empty is `/`. What the kernel makes up is refused: through
 * `/proc/self/fd/7` a process could start in a folder of the host that a runtime still holds open
 * (CVE-2024-21626).
 *
 * @throws RuntimeError WORKING_DIR_INVALID
 */
export function parseWorkingDir(text: string): string {
  if (text === '') return '/';
  const path = parseInsidePath(text, 'working folder', 'WORKING_DIR_INVALID');
  if (['/proc', '/sys', '/dev'].some((folder) => isAtOrBelow(path, folder))) {
    throw new RuntimeError(
      'WORKING_DIR_INVALID',
      `working folder ${quote(text)} is in a file system of the kernel`,
      { hint: 'choose another one with --workdir' },
    );
  }
  return path;
}
