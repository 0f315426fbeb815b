import { accessSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { quote } from '@img/spec/quote';
import type { Registries } from '@img/spec/reference';
import type { RegistryHost } from '@img/spec/registry-host';
import { CliError } from '../cli-error.ts';
import type { Environment } from '../environment.ts';
import { readSmallFile } from '../read-small-file.ts';
import { type ConfigFolders, configFolders } from './config-folders.ts';
import { type ConfigOptions, settingsFromOptions } from './config-options.ts';
import { defaultFolders } from './default-folders.ts';
import { checkAlias, parseRegistryAddress } from './registry-address.ts';
import { mergeLayers, type Setting, type SettingKey, type SettingsLayer } from './setting.ts';
import { settingsFromVariables } from './variables.ts';

const maxFileBytes = 256 * 1024;
const builtIn = 'built in';

/** Everything that is configured, checked. */
export type Config = {
  readonly registries: Registries;
  /** Registries on a network that are asked without encryption, because the configuration says so. */
  readonly plainHttp: ReadonlySet<RegistryHost>;
  /** Address of a Debian mirror; undefined where the machine's own apt sources decide. */
  readonly mirror: string | undefined;
  readonly rootFolder: string;
  readonly runFolder: string;
  readonly cacheFolder: string;
  readonly keysFolder: string;
  /** Folders of trust documents, of ascending rank; new documents go into the last. */
  readonly trustFolders: readonly string[];
  /** Where the administrator of this host describes networks. */
  readonly networkFolder: string;
  /** What stands in for all folders of configuration, by option or variable; undefined for the usual ones. */
  readonly ownFolder: string | undefined;
  /** The same as written, with where each came from. */
  readonly settings: SettingsLayer;
};

/**
 * Reads the configuration: what is built in, config.yaml of the host, config.yaml of the user, variables, options;
 * the later wins.
 *
 * @throws CliError CONFIG_INVALID
 */
export async function loadConfig(environment: Environment, options: ConfigOptions = {}): Promise<Config> {
  const folders = configFolders(environment, options);
  const paths = [folders.host, folders.user].filter((folder) => folder !== undefined);
  const files = await Promise.all(paths.map((folder) => readLayer(join(folder, 'config.yaml'))));
  return configFrom(
    mergeLayers([
      builtInLayer(environment, folders),
      ...files.filter((layer) => layer !== undefined),
      settingsFromVariables(environment),
      settingsFromOptions(environment, options),
    ]),
    environment,
    folders,
  );
}

function builtInLayer(environment: Environment, { host, user }: ConfigFolders): SettingsLayer {
  const setting = (text: string): Setting => ({ text, origin: builtIn });
  const { root, run, cache } = defaultFolders(environment);
  // What root decides on a host is for everybody; an instance of its own has one folder for all.
  const ranks = host === undefined ? [user] : ['/usr/lib/img', host, ...(environment.isRoot ? [] : [user])];
  return {
    texts: {
      'registries.default': setting('quay-local'),
      root: setting(root),
      run: setting(run),
      cache: setting(cache),
      keys: setting(join(user, 'keys')),
    },
    aliases: new Map([['quay-local', setting('127.0.0.1:5000')]]),
    trust: ranks.map((folder) => setting(join(folder, 'trust.d'))),
  };
}

async function readLayer(path: string): Promise<SettingsLayer | undefined> {
  // Most hosts have no file, and to read one without waiting for it takes longer to load than to look.
  if (isMissing(path)) return undefined;
  const bytes = await readSmallFile(path, { maxBytes: maxFileBytes });
  if (bytes === undefined) return undefined;
  // The YAML reader takes longer to load than most commands to run, and most hosts have no file.
  const { parseConfigFile } = await import('./config-file.ts');
  return parseConfigFile(bytes, path);
}

function isMissing(path: string): boolean {
  try {
    accessSync(path);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

function configFrom(
  settings: SettingsLayer,
  environment: Environment,
  { host, user }: ConfigFolders,
): Config {
  const addresses = [...settings.aliases].map(([name, setting]) => {
    return [checkAlias(name, setting), parseRegistryAddress(setting)] as const;
  });
  const aliases = new Map(addresses);
  const written = required(settings, 'registries.default');
  const registry = aliases.get(written.text) ?? parseRegistryAddress(written);
  const plainHttp = [...aliases.values(), registry].filter(({ isPlainHttp }) => isPlainHttp);
  const folder = (setting: Setting): string => folderOf(setting, environment);
  return {
    registries: {
      default: registry.host,
      aliases: new Map(addresses.map(([name, { host }]) => [name, host])),
    },
    plainHttp: new Set(plainHttp.map(({ host }) => host)),
    mirror: mirrorOf(settings.texts.mirror),
    rootFolder: folder(required(settings, 'root')),
    runFolder: folder(required(settings, 'run')),
    cacheFolder: folder(required(settings, 'cache')),
    keysFolder: folder(required(settings, 'keys')),
    trustFolders: (settings.trust ?? []).map(folder),
    networkFolder: join(host ?? user, 'net.d'),
    ownFolder: host === undefined ? user : undefined,
    settings,
  };
}

function required({ texts }: SettingsLayer, key: Exclude<SettingKey, 'mirror'>): Setting {
  const setting = texts[key];
  if (setting === undefined) throw new TypeError(`setting ${key} has nothing built in`);
  return setting;
}

function mirrorOf(setting: Setting | undefined): string | undefined {
  if (setting === undefined) return undefined;
  const url = URL.parse(setting.text);
  if (url !== null && /^https?:$/.test(url.protocol)) return setting.text;
  throw new CliError(
    'CONFIG_INVALID',
    `${setting.origin}: mirror should be an address such as http://deb.debian.org/debian, not ${quote(setting.text)}`,
  );
}

function folderOf({ text, origin }: Setting, { homeFolder }: Environment): string {
  if (isAbsolute(text)) return resolve(text);
  if (text.startsWith('~/')) return join(homeFolder, text.slice(2));
  throw new CliError(
    'CONFIG_INVALID',
    `${origin}: a folder should begin with / or ~/, but is ${quote(text)}`,
  );
}
