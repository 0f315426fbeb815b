import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test, { type ExecutionContext } from 'ava';
import { LayerCache } from '../layers/layer-cache.ts';
import { parseRecipe } from '../recipe/parse-recipe.ts';
import { makeDeb } from '../testing/make-deb.ts';
import { osLayers } from './os-layers.ts';

const data = { name: 'data', architecture: 'all', data: [{ name: './usr/share/data', content: 'x' }] };
const tool = { name: 'tool', data: [{ name: './usr/bin/tool', content: 'x', mode: 0o755 }] };

/** The foundation of an image on scratch, from an archive where everything is chosen whatever is asked for. */
async function scratch(t: ExecutionContext, packages: string) {
  const folder = temporaryFolder(t);
  const debs = await Promise.all([data, tool].map(makeDeb));
  await mkdir(join(folder, 'layers-2'), { recursive: true });
  const recipe = parseRecipe(
    new TextEncoder().encode(`name: a\nversion: 1\nos: scratch\npackages: ${packages}\n`),
    'img.yaml',
  );
  const asked: (readonly string[])[] = [];
  const foundation = await osLayers(recipe, {
    cache: new LayerCache(folder),
    locked: undefined,
    isLocked: false,
    source: {
      resolve: async (names) => {
        asked.push(names);
        return { releases: [], packages: debs.map((deb) => deb.package), dropped: [] };
      },
      fetch: async (wanted) => {
        const files = debs.map(async ({ bytes, package: { name, digest } }) => {
          await writeFile(join(folder, name), bytes);
          return [digest, join(folder, name)] as const;
        });
        t.is(wanted.length, 1);
        return new Map(await Promise.all(files));
      },
    },
  });
  return { foundation, asked };
}

test('osLayers() gives an image on scratch the packages that it names, and nothing that they depend on', async (t) => {
  const { foundation, asked } = await scratch(t, '[data]');
  t.deepEqual(asked, [['data']]);
  t.deepEqual(
    foundation.layers.map((layer) => layer.package.name),
    ['data'],
  );
});

test('osLayers() refuses what is no package of data on scratch', async (t) => {
  await t.throwsAsync(scratch(t, '[tool]'), {
    code: 'PACKAGE_UNSUITABLE',
    message: /^tool is no package of data/,
  });
  await t.throwsAsync(scratch(t, '[data, virtual]'), { code: 'PACKAGE_UNSUITABLE', message: /^virtual/ });
});
