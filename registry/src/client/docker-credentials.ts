import type { JsonObject, JsonValue } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import { quote } from '@img/spec/quote';
import type { RegistryHost } from '@img/spec/registry-host';
import { RegistryError } from '../registry-error.ts';
import type { ContentOptions } from '../transfer/content.ts';
import { askHelper, eraseWithHelper, programName, storeWithHelper } from './credential-helper.ts';
import type { Credentials } from './credentials.ts';
import {
  dockerConfigPath,
  type Environment,
  invalidConfig,
  readDockerConfig,
  section,
  writeDockerConfig,
} from './docker-config.ts';
import { isDockerHub } from './endpoint.ts';

export type DockerCredentialsOptions = {
  /** DOCKER_CONFIG, and all that helper programs need. */
  readonly environment: Environment;
  /** The user's own folder. */
  readonly home: string;
};

// Docker's name for its own registry, which its tools use as a key, and for a secret that is no password.
const dockerHubKey = 'https://index.docker.io/v1/';
const tokenUser = '<token>';

/**
 * The credentials that Docker's tools share: `config.json` and the helper programs that it names. A `docker
 * login` works here, and what is stored here works there.
 */
export class DockerCredentials {
  readonly #options: DockerCredentialsOptions;
  readonly #path: string;

  constructor(options: DockerCredentialsOptions) {
    this.#options = options;
    this.#path = dockerConfigPath(options.environment, options.home);
  }

  /** @throws RegistryError CREDENTIALS_INVALID, CREDENTIAL_HELPER_FAILED */
  async get(host: RegistryHost, { signal }: ContentOptions = {}): Promise<Credentials | undefined> {
    const config = await readDockerConfig(this.#path);
    const helper = this.#helper(config, host);
    if (helper === undefined) return this.#fromFile(config, host);
    const options = { environment: this.#options.environment, signal };
    const found = await askHelper(helper, serverKey(host), options);
    if (found === undefined) return undefined;
    return found.username === tokenUser
      ? { kind: 'identity token', token: found.secret }
      : { kind: 'password', username: found.username, password: found.secret };
  }

  /**
   * Stores a password, with the helper for the registry if there is one, else in the file.
   *
   * @returns the file or program that has it now
   * @throws RegistryError CREDENTIALS_INVALID, CREDENTIAL_HELPER_FAILED
   */
  async store(
    host: RegistryHost,
    { username, password }: { readonly username: string; readonly password: string },
    { signal }: ContentOptions = {},
  ): Promise<string> {
    if (username === '' || username.includes(':')) {
      throw new RegistryError('CREDENTIALS_INVALID', `${quote(username)} can't be stored as a user name`, {
        hint: 'a user name has at least one character, and no ":"',
      });
    }
    const config = await readDockerConfig(this.#path);
    const helper = this.#helper(config, host);
    if (helper !== undefined) {
      const options = { environment: this.#options.environment, signal };
      await storeWithHelper(helper, serverKey(host), { username, secret: password }, options);
    }
    // With a helper the entry only says that there is something; Docker writes it, too.
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    const entry: JsonObject = helper === undefined ? { auth } : {};
    const others = without(section(config, 'auths', this.#path), host);
    await writeDockerConfig(this.#path, { ...config, auths: { ...others, [serverKey(host)]: entry } });
    return helper === undefined ? this.#path : programName(helper);
  }

  /**
   * Forgets what is stored for the registry.
   *
   * @returns whether the file had an entry for it
   * @throws RegistryError CREDENTIALS_INVALID, CREDENTIAL_HELPER_FAILED
   */
  async erase(host: RegistryHost, { signal }: ContentOptions = {}): Promise<boolean> {
    const config = await readDockerConfig(this.#path);
    const helper = this.#helper(config, host);
    if (helper !== undefined) {
      await eraseWithHelper(helper, serverKey(host), { environment: this.#options.environment, signal });
    }
    const auths = section(config, 'auths', this.#path);
    const others = without(auths, host);
    if (Object.keys(others).length === Object.keys(auths).length) return false;
    await writeDockerConfig(this.#path, { ...config, auths: others });
    return true;
  }

  /** The helper of this registry, else the one for all registries. */
  #helper(config: JsonObject, host: RegistryHost): string | undefined {
    const own = entryOf(section(config, 'credHelpers', this.#path), host) ?? config['credsStore'];
    if (own === undefined || own === null || own === '') return undefined;
    if (typeof own === 'string') return own;
    throw invalidConfig(this.#path, new Error('the name of a credential helper should be a string'));
  }

  #fromFile(config: JsonObject, host: RegistryHost): Credentials | undefined {
    const entry = entryOf(section(config, 'auths', this.#path), host);
    if (entry === undefined || entry === null) return undefined;
    try {
      return credentialsFrom(new JsonFields(entry, `auths[${quote(serverKey(host))}]`, 'JSON_INVALID'));
    } catch (cause) {
      throw invalidConfig(this.#path, cause);
    }
  }
}

const maxSecretCharacters = 64 * 1024;

function credentialsFrom(fields: JsonFields): Credentials | undefined {
  const text = (key: string) => fields.optionalString(key, maxSecretCharacters) ?? '';
  if (text('registrytoken') !== '') return { kind: 'registry token', token: text('registrytoken') };
  if (text('identitytoken') !== '') return { kind: 'identity token', token: text('identitytoken') };
  if (text('auth') === '') {
    const username = text('username');
    return username === '' ? undefined : { kind: 'password', username, password: text('password') };
  }
  const decoded = Buffer.from(text('auth'), 'base64').toString();
  const colon = decoded.indexOf(':');
  if (colon < 1) throw new Error(`${fields.path('auth')} should be a user name and a password in base64`);
  // Docker pads what it decodes.
  return {
    kind: 'password',
    username: decoded.slice(0, colon),
    password: decoded.slice(colon + 1).replace(/\0+$/, ''),
  };
}

/** The key that Docker's tools store credentials of a registry under. */
function serverKey(host: RegistryHost): string {
  return isDockerHub(host) ? dockerHubKey : host;
}

function entryOf(entries: JsonObject, host: RegistryHost): JsonValue | undefined {
  const key = Object.keys(entries).find((name) => name === serverKey(host)) ?? keysOf(entries, host)[0];
  return key === undefined ? undefined : entries[key];
}

function without(entries: JsonObject, host: RegistryHost): JsonObject {
  const removed = keysOf(entries, host);
  return Object.fromEntries(Object.entries(entries).filter(([key]) => !removed.includes(key)));
}

/** Keys are hosts, but older tools wrote URLs: `https://registry.example.com/v2/`. */
function keysOf(entries: JsonObject, host: RegistryHost): readonly string[] {
  return Object.keys(entries).filter((key) => {
    const name = key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
    return name === host || (isDockerHub(host) && isDockerHub(name as RegistryHost));
  });
}
