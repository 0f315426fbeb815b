import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unmount } from '../linux/mount.ts';
import { mountAttributes, mountFileSystem } from '../linux/mount-file-system.ts';

/** Mounts an image for a test, in the mount namespace that the test file has entered. */
export function mountErofs(
  t: { teardown: (action: () => void) => void },
  image: Uint8Array,
  devices: readonly string[],
): string {
  const folder = mkdtempSync(join(tmpdir(), 'img-erofs-'));
  const target = mkdtempSync(join(tmpdir(), 'img-mount-'));
  writeFileSync(join(folder, 'image.erofs'), image);
  mountFileSystem({
    type: 'erofs',
    target,
    attributes: mountAttributes.readOnly | mountAttributes.noDev,
    options: [
      ['source', join(folder, 'image.erofs')],
      ...devices.map((device) => ['device', device] as const),
    ],
  });
  t.teardown(() => {
    unmount(target);
    rmdirSync(target);
    rmSync(folder, { recursive: true });
  });
  return target;
}
