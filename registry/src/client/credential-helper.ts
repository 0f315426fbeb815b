import { spawn } from 'node:child_process';
import { collect } from '@img/spec/collect';
import { parseJson } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import { quote } from '@img/spec/quote';
import { RegistryError } from '../registry-error.ts';
import type { Environment } from './docker-config.ts';

/*
 * Docker's protocol for programs that keep credentials: `docker-credential-<name> get|store|erase`, with the
 * registry or a JSON object on standard input and JSON on standard output.
 */

export type HelperSecret = { readonly username: string; readonly secret: string };

const maxOutputBytes = 64 * 1024;
// What the helpers print for a registry that they have nothing for, in the words of Docker's library.
const notFound = 'credentials not found in native keychain';

export type HelperOptions = { readonly environment: Environment; readonly signal?: AbortSignal | undefined };

/** @returns undefined if the helper has nothing for the server. @throws RegistryError CREDENTIAL_HELPER_FAILED */
export async function askHelper(
  name: string,
  server: string,
  options: HelperOptions,
): Promise<HelperSecret | undefined> {
  const { exitCode, output } = await run(name, 'get', server, options);
  const text = new TextDecoder().decode(output).trim();
  if (exitCode !== 0 && text.includes(notFound)) return undefined;
  checkExit(name, 'get', exitCode, text);
  try {
    const fields = new JsonFields(parseJson(output, { maxBytes: maxOutputBytes }), 'answer', 'JSON_INVALID');
    const username = fields.optionalString('Username', maxOutputBytes) ?? '';
    const secret = fields.optionalString('Secret', maxOutputBytes) ?? '';
    return secret === '' ? undefined : { username, secret };
  } catch (cause) {
    // The answer itself holds a secret, so it is not quoted.
    throw new RegistryError(
      'CREDENTIAL_HELPER_FAILED',
      `${programName(name)} get answered something that is not Docker's format`,
      { cause },
    );
  }
}

/** @throws RegistryError CREDENTIAL_HELPER_FAILED */
export async function storeWithHelper(
  name: string,
  server: string,
  { username, secret }: HelperSecret,
  options: HelperOptions,
): Promise<void> {
  const input = JSON.stringify({ ServerURL: server, Username: username, Secret: secret });
  const { exitCode, output } = await run(name, 'store', input, options);
  checkExit(name, 'store', exitCode, new TextDecoder().decode(output).trim());
}

/** No error if the helper has nothing for the server. @throws RegistryError CREDENTIAL_HELPER_FAILED */
export async function eraseWithHelper(name: string, server: string, options: HelperOptions): Promise<void> {
  const { exitCode, output } = await run(name, 'erase', server, options);
  const text = new TextDecoder().decode(output).trim();
  if (!text.includes(notFound)) checkExit(name, 'erase', exitCode, text);
}

export function programName(name: string): string {
  return `docker-credential-${name}`;
}

type Finished = { readonly exitCode: number | null; readonly output: Uint8Array };

async function run(
  name: string,
  action: 'get' | 'store' | 'erase',
  input: string,
  { environment, signal }: HelperOptions,
): Promise<Finished> {
  // The name comes from a file; it must not turn into a path to another program.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) {
    throw new RegistryError('CREDENTIALS_INVALID', `${quote(name)} is no name of a credential helper`);
  }
  const child = spawn(programName(name), [action], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: environment,
    ...(signal === undefined ? {} : { signal }),
  });
  const { promise: exit, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject);
  child.once('close', resolve);
  // A helper may end without reading; its exit code says whether that was right.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  try {
    const output = await collect(child.stdout, maxOutputBytes, 'its output');
    return { exitCode: await exit, output };
  } catch (cause) {
    signal?.throwIfAborted();
    throw new RegistryError(
      'CREDENTIAL_HELPER_FAILED',
      `could not run ${programName(name)} ${action}: ${(cause as Error).message}`,
      { cause, hint: `install it, or take it out of Docker's config.json` },
    );
  } finally {
    child.kill('SIGKILL');
    await exit.catch(() => undefined);
  }
}

function checkExit(name: string, action: string, exitCode: number | null, said: string): void {
  if (exitCode === 0) return;
  throw new RegistryError(
    'CREDENTIAL_HELPER_FAILED',
    `${programName(name)} ${action} failed with exit code ${exitCode}${said === '' ? '' : `: ${quote(said)}`}`,
  );
}
