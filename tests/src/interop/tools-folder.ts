import { join, resolve } from 'node:path';

/** Where programs are that `npm run tools` installs. */
export const toolsFolder = resolve(
  process.env['IMG_TOOLS_DIR'] ?? join(import.meta.dirname, '../../../.tools/bin'),
);
