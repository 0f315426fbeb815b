import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { parsePlatform } from '@img/spec/platform';
import type { ExecutionContext } from 'ava';
import type { AppContext, AppStart } from '../app/app-plan.ts';
import { planApp } from '../app/plan-app.ts';
import { ImageTree } from '../image/image-tree.ts';
import { LayerDraft } from '../image/layer-draft.ts';
import type { AppRule } from '../recipe/image-recipe.ts';
import { LocatedFields } from '../recipe/located-fields.ts';
import { parseRun } from '../recipe/parse-run.ts';
import { Problems } from '../recipe/problems.ts';

export type PlannedLayers = {
  readonly start: AppStart;
  /** What is in each layer, by path: the content of files, `-> target` of links; folders are left out. */
  readonly layers: readonly { readonly what: string; readonly files: { readonly [path: string]: string } }[];
};

export type PlanOptions = {
  readonly files: { readonly [path: string]: string | Uint8Array };
  readonly rule: Partial<AppRule> & Pick<AppRule, 'kind'>;
  readonly context?: Partial<AppContext>;
};

/** Plans an app in a folder of these files and puts its layers together. */
export async function planLayers(t: ExecutionContext, options: PlanOptions): Promise<PlannedLayers> {
  const { files, rule, context } = options;
  const folder = temporaryFolder(t);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  const resources = new AsyncDisposableStack();
  t.teardown(() => resources.disposeAsync());
  const tree = context?.tree ?? new ImageTree();
  const plan = await planApp({
    rule: { from: '.', to: { path: 'opt/app', isFolder: true }, ...rule },
    run: parseRun(new LocatedFields(undefined), new Problems('')),
    folder,
    platform: parsePlatform('linux/amd64'),
    tree,
    npmRegistry: 'http://127.0.0.1:1',
    pythonIndex: undefined,
    versionOf: () => undefined,
    resources,
    cacheFolder: temporaryFolder(t),
    ...context,
  });
  const layers: PlannedLayers['layers'][number][] = [];
  for (const { what, add } of plan.layers) {
    const draft = new LayerDraft(tree, 0);
    add(draft);
    const contents: Record<string, string> = {};
    for (const { entry, content } of draft.items()) {
      if (entry.type === 'directory') continue;
      const bytes = Buffer.concat(await Array.fromAsync(content?.() ?? []));
      contents[entry.path] = entry.type === 'symlink' ? `-> ${entry.linkTarget}` : bytes.toString('latin1');
    }
    layers.push({ what, files: contents });
  }
  return { start: plan.start, layers };
}
