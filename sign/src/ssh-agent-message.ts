import { quote } from '@img/spec/quote';
import { type PublicKey, publicKeyFromSshBlob } from './public-key.ts';
import { SignError } from './sign-error.ts';
import { SshReader, sshString } from './ssh-wire.ts';

/*
 * The two requests of the SSH agent protocol that signing needs (draft-ietf-sshm-ssh-agent, sections 4.4 and 4.5).
 * A message is its length in four bytes, a type in one byte, and the contents. What is signed is exactly the data
 * sent, so that an agent's signatures are those of a key in a file.
 */

/** Like OpenSSH's own limit: longer messages are no messages. */
export const maxAgentMessageBytes = 256 * 1024;

const maxKeys = 2048;
const messageTypes = { failure: 5, listKeys: 11, keys: 12, sign: 13, signature: 14 } as const;
const what = 'answer of the SSH agent';

/** A key that an agent holds. */
export type AgentKey = {
  /** The key as SSH writes it; names the key to the agent. */
  readonly blob: Uint8Array;
  /** Such as `ssh-ed25519`. */
  readonly type: string;
  /** What its owner calls it, such as `alice@laptop`; any text. */
  readonly comment: string;
  /** Undefined for a key that can't sign images: of another kind, or weak. */
  readonly publicKey: PublicKey | undefined;
};

/** Asks which keys there are. */
export function encodeListRequest(): Uint8Array {
  return message(messageTypes.listKeys);
}

/** Asks for a signature of the data by the key. */
export function encodeSignRequest(blob: Uint8Array, data: Uint8Array): Uint8Array {
  const flags = Buffer.alloc(4);
  return message(messageTypes.sign, sshString(blob), sshString(data), flags);
}

/**
 * The keys in the answer to {@link encodeListRequest}.
 *
 * @param answer without its length
 * @throws SignError SSH_INVALID, AGENT_REFUSED
 */
export function parseListAnswer(answer: Uint8Array): readonly AgentKey[] {
  const reader = open(answer, messageTypes.keys, 'list its keys');
  const count = reader.uint32();
  if (count > maxKeys)
    throw new SignError('SSH_INVALID', `${what} lists ${count} keys, more than ${maxKeys}`);
  const keys = Array.from({ length: count }, () => {
    const blob = reader.string();
    return { blob, type: typeOf(blob), comment: text(reader.string()), publicKey: publicKeyOf(blob) };
  });
  reader.end();
  return keys;
}

/**
 * The 64 bytes of an Ed25519 signature in the answer to {@link encodeSignRequest}; whose and of what it is, the
 * caller checks.
 *
 * @param answer without its length
 * @throws SignError SSH_INVALID, AGENT_REFUSED
 */
export function parseSignAnswer(answer: Uint8Array): Uint8Array {
  const reader = open(answer, messageTypes.signature, 'sign');
  const signature = new SshReader(reader.string(), `signature in the ${what}`);
  reader.end();
  const type = text(signature.string());
  if (type !== 'ssh-ed25519') {
    throw new SignError('SSH_INVALID', `${what} is a signature of the kind ${quote(type)}, not ssh-ed25519`);
  }
  const bytes = signature.string();
  signature.end();
  return bytes;
}

function message(type: number, ...contents: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(sshString(Buffer.concat([Buffer.of(type), ...contents])));
}

function open(answer: Uint8Array, wanted: number, action: string): SshReader {
  const reader = new SshReader(answer, what);
  const type = reader.byte();
  if (type === wanted) return reader;
  if (type === messageTypes.failure) {
    throw new SignError('AGENT_REFUSED', `the SSH agent refused to ${action}`, {
      hint: 'the agent may be locked, have forgotten the key, or have asked somebody who said no',
    });
  }
  throw new SignError('SSH_INVALID', `${what} has the type ${type} where ${wanted} should be`);
}

function typeOf(blob: Uint8Array): string {
  return text(new SshReader(blob, `key in the ${what}`).string());
}

// An agent holds keys for many purposes; those that are not for this one are no mistake.
function publicKeyOf(blob: Uint8Array): PublicKey | undefined {
  try {
    return publicKeyFromSshBlob(blob);
  } catch (error) {
    if (error instanceof SignError) return undefined;
    throw error;
  }
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
