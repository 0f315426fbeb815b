import { delimiter, resolve } from 'node:path';
import { type Environment, variable } from '../environment.ts';
import type { Setting, SettingKey, SettingsLayer } from './setting.ts';

const variables: readonly (readonly [name: string, key: SettingKey])[] = [
  ['IMG_REGISTRY', 'registries.default'],
  ['IMG_MIRROR', 'mirror'],
  ['IMG_ROOT', 'root'],
  ['IMG_RUN', 'run'],
  ['IMG_CACHE', 'cache'],
  ['IMG_KEYS', 'keys'],
];

const folders: ReadonlySet<SettingKey> = new Set(['root', 'run', 'cache', 'keys']);

/** What IMG_* variables say. Folders may be relative to the working folder; IMG_TRUST lists several, as PATH does. */
export function settingsFromVariables(environment: Environment): SettingsLayer {
  const texts: { [key in SettingKey]?: Setting } = {};
  for (const [name, key] of variables) {
    const text = variable(environment, name);
    if (text === undefined) continue;
    texts[key] = { text: folders.has(key) ? resolve(environment.workingFolder, text) : text, origin: name };
  }
  const trust = variable(environment, 'IMG_TRUST')
    ?.split(delimiter)
    .filter((text) => text !== '')
    .map((text) => ({ text: resolve(environment.workingFolder, text), origin: 'IMG_TRUST' }));
  return { texts, aliases: new Map(), trust };
}
