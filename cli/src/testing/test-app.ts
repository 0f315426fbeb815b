import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Instance } from './run-img.ts';

/** Writes the folder `app` of an image that is one text, so that it is built in a moment and without a network. */
export async function writeTestApp({ folder }: Instance, text: string): Promise<void> {
  const app = join(folder, 'app');
  await mkdir(app, { recursive: true });
  await writeFile(join(app, 'text'), text);
  await writeFile(
    join(app, 'img.yaml'),
    'name: com.example.app\nversion: 1.0.0\nos: scratch\nfiles: [{from: text, to: /text, mode: "0755"}]\nrun: {cmd: [/text]}\n',
  );
}
