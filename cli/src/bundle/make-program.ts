// Puts together what an image of the registry is made of, in the folder that is named: the command as one file with all
// packages that it needs, what its pages need, and Node. See examples/registry.

import { copyFile, cp, mkdir, readFile, rm } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';

const root = join(import.meta.dirname, '../../..');
const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('name the folder to put it into');
const program = resolve(folder);

/** What the pages show beside text; modules look for it where their sources are. */
const pages = 'registry/src/web';
const assets = ['style.css', 'favicon.svg'];

/** Native libraries of commands that nobody gives inside of the image: they run apps and read Debian's archives. */
const native = ['koffi', '@napi-rs/lzma'];

/** Lets modules find the files beside them below the folder of the one file. */
const places: Plugin = {
  name: 'places',
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const place = `/${relative(root, path)}`;
      const text = await readFile(path, 'utf8');
      const contents = text
        .replaceAll('import.meta.dirname', `(__dirname + ${JSON.stringify(dirname(place))})`)
        .replaceAll('import.meta.url', `("file://" + __dirname + ${JSON.stringify(place)})`);
      return { contents, loader: 'ts' };
    });
  },
};

await rm(join(program, 'registry'), { recursive: true, force: true });
await mkdir(join(program, pages), { recursive: true });
await build({
  absWorkingDir: root,
  entryPoints: ['cli/src/main.ts'],
  outfile: join(program, 'img.cjs'),
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node24',
  external: native,
  plugins: [places],
  logLevel: 'warning',
});
for (const asset of assets) await copyFile(join(root, pages, asset), join(program, pages, asset));
await cp(join(root, 'node_modules/node/bin/node'), join(program, 'node'));
