import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder that is removed with everything in it when the test ends. */
export function temporaryFolder(t: { teardown: (action: () => void) => void }): string {
  const path = mkdtempSync(join(tmpdir(), 'img-test-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
