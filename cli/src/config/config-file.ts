import { BuilderError } from '@img/builder/builder-error';
import { checkSchema } from '@img/builder/recipe/check-schema';
import type { Located, Position } from '@img/builder/recipe/located';
import { LocatedFields } from '@img/builder/recipe/located-fields';
import { Problems } from '@img/builder/recipe/problems';
import { readYaml } from '@img/builder/recipe/read-yaml';
import { CliError } from '../cli-error.ts';
import { configSchema } from './config-schema.ts';
import { type Setting, type SettingKey, type SettingsLayer, settingKeys } from './setting.ts';

/**
 * Parses a config.yaml.
 *
 * @param file its path, for messages and origins
 * @throws CliError CONFIG_INVALID; the message has a line `file:line:column: …` for everything that is wrong
 */
export function parseConfigFile(bytes: Uint8Array, file: string): SettingsLayer {
  const fields = new LocatedFields(readChecked(bytes, file));
  const setting = (text: string, { line, column }: Position): Setting => {
    return { text, origin: `${file}:${line}:${column}` };
  };
  const registries = fields.fields('registries');
  const texts: { [key in SettingKey]?: Setting } = {};
  for (const key of settingKeys) {
    const [holder, name] = key === 'registries.default' ? [registries, 'default'] : [fields, key];
    const text = holder.text(name);
    if (text !== undefined) texts[key] = setting(text, holder.position(name));
  }
  const aliasFields = registries.fields('aliases');
  const aliases = [...registries.textMap('aliases')].map(([name, text]) => {
    return [name, setting(text, aliasFields.position(name))] as const;
  });
  const trust = fields.texts('trust').map(({ text, position }) => setting(text, position));
  return { texts, aliases: new Map(aliases), trust: fields.has('trust') ? trust : undefined };
}

function readChecked(bytes: Uint8Array, file: string): Located | undefined {
  const problems = new Problems(file);
  try {
    const value = readYaml(bytes, problems);
    // An empty file, or one with comments only, configures nothing.
    if (value?.kind === 'text' && value.text === '') return undefined;
    if (value !== undefined) checkSchema(value, configSchema, '', problems);
    problems.throwIfAny();
    return value;
  } catch (error) {
    if (error instanceof BuilderError) throw new CliError('CONFIG_INVALID', error.message);
    throw error;
  }
}
