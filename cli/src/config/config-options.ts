import { resolve } from 'node:path';
import type { Environment } from '../environment.ts';
import type { Setting, SettingKey, SettingsLayer } from './setting.ts';

/** What options of the command line configure, for one command; folders as typed. */
export type ConfigOptions = {
  /** Replaces the folders of configuration. */
  readonly config?: string;
  readonly root?: string;
  readonly run?: string;
  readonly cache?: string;
};

const keys = ['root', 'run', 'cache'] as const satisfies readonly SettingKey[];

export function settingsFromOptions({ workingFolder }: Environment, options: ConfigOptions): SettingsLayer {
  const texts: { [key in SettingKey]?: Setting } = {};
  for (const key of keys) {
    const folder = options[key];
    if (folder !== undefined) texts[key] = { text: resolve(workingFolder, folder), origin: `--${key}` };
  }
  return { texts, aliases: new Map(), trust: undefined };
}
