import type { PublicKey } from '@img/sign/public-key';
import type { AgentKey } from '@img/sign/ssh-agent-message';
import { quote } from '@img/spec/quote';
import { CliError } from '../cli-error.ts';
import type { Environment } from '../environment.ts';
import { type AgentOptions, SshAgent } from './ssh-agent.ts';

const prefix = 'ssh:';

/** A key of the agent with which images can be signed or verified. */
export type FoundAgentKey = {
  readonly agent: SshAgent;
  readonly key: AgentKey;
  readonly publicKey: PublicKey;
};

/** Whether somebody means a key of the SSH agent, such as `ssh:alice@laptop`. */
export function isAgentKeyName(text: string): boolean {
  return text.startsWith(prefix);
}

/** A key of the agent that can sign images, under the name that {@link findAgentKey} finds it by. */
export type ListedAgentKey = { readonly name: string; readonly publicKey: PublicKey };

/**
 * The keys of the SSH agent that can sign images; none if there is no agent.
 *
 * @throws CliError AGENT_UNREACHABLE; SignError AGENT_REFUSED, SSH_INVALID
 */
export async function listAgentKeys(
  environment: Environment,
  options: AgentOptions,
): Promise<readonly ListedAgentKey[]> {
  const keys = (await SshAgent.from(environment)?.list(options)) ?? [];
  return keys.flatMap(({ comment, publicKey }) => {
    return publicKey?.algorithm === 'ed25519' ? [{ name: `${prefix}${comment}`, publicKey }] : [];
  });
}

/**
 * The key of the SSH agent that somebody named: `ssh:` and its comment or fingerprint, or `ssh:` alone for the only
 * one that can sign images.
 *
 * @throws CliError AGENT_UNREACHABLE, KEY_UNKNOWN, KEY_UNSUITABLE, USAGE if several keys have the name; SignError
 *   AGENT_REFUSED, SSH_INVALID
 */
export async function findAgentKey(
  text: string,
  environment: Environment,
  options: AgentOptions,
): Promise<FoundAgentKey> {
  const agent = SshAgent.from(environment);
  if (agent === undefined) {
    throw new CliError('AGENT_UNREACHABLE', 'there is no SSH agent: SSH_AUTH_SOCK is not set', {
      hint: 'start one with eval $(ssh-agent), and give it a key with ssh-add',
    });
  }
  const keys = await agent.list(options);
  const name = text.slice(prefix.length);
  const key = choose(keys, name);
  if (key.publicKey !== undefined) return { agent, key, publicKey: key.publicKey };
  throw new CliError('KEY_UNSUITABLE', `key ${quote(name)} of the SSH agent is of the kind ${key.type}`, {
    hint: 'images are signed with a plain ssh-ed25519 key: ssh-keygen -t ed25519',
  });
}

function choose(keys: readonly AgentKey[], name: string): AgentKey {
  const named = keys.filter((key) => isNamed(key, name));
  const [first, ...others] = named;
  if (first === undefined) throw unknown(keys, name);
  if (others.length === 0) return first;
  throw new CliError(
    'USAGE',
    `${named.length} keys of the SSH agent ${name === '' ? 'can sign' : `are called ${quote(name)}`}`,
    { hint: `name one by its fingerprint: ${named.flatMap(nameByFingerprint).join(', ')}` },
  );
}

function isNamed({ comment, publicKey }: AgentKey, name: string): boolean {
  if (name === '') return publicKey?.algorithm === 'ed25519';
  return name === comment || name === publicKey?.fingerprint;
}

function nameByFingerprint({ publicKey }: AgentKey): readonly string[] {
  return publicKey === undefined ? [] : [`${prefix}${publicKey.fingerprint}`];
}

function unknown(keys: readonly AgentKey[], name: string): CliError {
  const names = keys.flatMap(({ comment, publicKey }) => (publicKey ? [`${prefix}${comment}`] : []));
  const wanted = name === '' ? 'no key that can sign images' : `no key ${quote(name)}`;
  return new CliError('KEY_UNKNOWN', `the SSH agent has ${wanted}`, {
    hint: names.length === 0 ? 'give it an Ed25519 key with ssh-add' : `it has ${names.join(', ')}`,
  });
}
