import type { FetchOptions } from '../fetch-layers.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { ContainerName } from '../state/container-name.ts';
import type { UpdateSource } from '../updates/find-update.ts';
import type { AppContext } from './app-context.ts';
import { installApp, uninstallApp } from './install-app.ts';
import { type AppChange, type NamedDefinition, planApps } from './plan-apps.ts';

/**
 * What is to be done so that this host has the apps that a folder asks for. A definition that was tried and given up
 * is not tried again until the file changes.
 *
 * @param folder what the apps that it asked for before were applied from
 * @throws RuntimeError APP_EXISTS if somebody has installed one of them
 */
export async function planHost(
  desired: readonly NamedDefinition[],
  folder: string,
  { host: { apps } }: Pick<AppContext, 'host'>,
): Promise<readonly AppChange[]> {
  const current: NamedDefinition[] = [];
  for (const name of await apps.list()) {
    const { appliedFrom } = await apps.state(name);
    const newest = (await apps.generations(name)).at(-1);
    if (appliedFrom === folder && newest !== undefined) current.push({ name, definition: newest.definition });
    if (appliedFrom !== folder && desired.some((app) => app.name === name))
      throw installedByHand(name, folder);
  }
  return planApps(desired, current);
}

function installedByHand(name: ContainerName, folder: string): RuntimeError {
  return new RuntimeError(
    'APP_EXISTS',
    `${folder} asks for app ${name}, which was installed in another way`,
    {
      hint: `img uninstall ${name}, or call the file another name`,
    },
  );
}

/** Does one thing of a plan. @throws as `installApp` and `uninstallApp` */
export async function applyChange(
  change: AppChange,
  folder: string,
  source: (image: string) => UpdateSource,
  context: AppContext,
  options: FetchOptions = {},
): Promise<void> {
  const { name } = change;
  if (change.action === 'uninstall') {
    await uninstallApp(name, context);
    return;
  }
  const { definition, action } = change;
  const isReplacing = action === 'change';
  const request = { name, definition, source: source(definition.image), isReplacing, appliedFrom: folder };
  await installApp(request, context, options);
}
