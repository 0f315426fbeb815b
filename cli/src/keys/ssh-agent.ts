import { connect } from 'node:net';
import { SignError } from '@img/sign/sign-error';
import type { Signer } from '@img/sign/signer';
import {
  type AgentKey,
  encodeListRequest,
  encodeSignRequest,
  maxAgentMessageBytes,
  parseListAnswer,
  parseSignAnswer,
} from '@img/sign/ssh-agent-message';
import { quote } from '@img/spec/quote';
import { CliError } from '../cli-error.ts';
import { type Environment, variable } from '../environment.ts';

export type AgentOptions = { readonly signal: AbortSignal };

/**
 * The agent that SSH_AUTH_SOCK names: OpenSSH's, or any other program that speaks its protocol, also for a key that
 * never leaves a token.
 */
export class SshAgent {
  readonly #socketPath: string;

  /** @returns undefined if the environment names none */
  static from(environment: Environment): SshAgent | undefined {
    const socketPath = variable(environment, 'SSH_AUTH_SOCK');
    return socketPath === undefined ? undefined : new SshAgent(socketPath);
  }

  private constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /**
   * All keys, also those that can't sign images.
   *
   * @throws CliError AGENT_UNREACHABLE; SignError AGENT_REFUSED, SSH_INVALID
   */
  async list(options: AgentOptions): Promise<readonly AgentKey[]> {
    return parseListAnswer(await this.#ask(encodeListRequest(), options));
  }

  /** Whoever signs with it waits for the agent, which may ask a person. */
  signer({ blob }: AgentKey, publicKey: Signer['publicKey'], options: AgentOptions): Signer {
    return {
      publicKey,
      sign: async (bytes) => {
        const request = encodeSignRequest(blob, bytes);
        if (request.byteLength <= maxAgentMessageBytes) {
          return parseSignAnswer(await this.#ask(request, options));
        }
        throw new CliError(
          'KEY_UNSUITABLE',
          `${bytes.byteLength} bytes are too many for an SSH agent to sign: it takes at most ${maxAgentMessageBytes}`,
          { hint: 'use a key in a file' },
        );
      },
    };
  }

  /** Sends one request over a connection of its own. @returns the answer without its length */
  async #ask(request: Uint8Array, { signal }: AgentOptions): Promise<Uint8Array> {
    signal.throwIfAborted();
    const socket = connect({ path: this.#socketPath, signal });
    try {
      socket.write(request);
      return await readMessage(socket);
    } catch (cause) {
      signal.throwIfAborted();
      if (cause instanceof SignError) throw cause;
      throw new CliError(
        'AGENT_UNREACHABLE',
        `the SSH agent at ${quote(this.#socketPath)} can't be asked: ${(cause as Error).message}`,
        { cause, hint: 'SSH_AUTH_SOCK names the socket of a running agent; ssh-add -l asks it too' },
      );
    } finally {
      socket.destroy();
    }
  }
}

async function readMessage(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of source) {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.byteLength < 4) continue;
    const length = bytes.readUInt32BE();
    if (length > maxAgentMessageBytes) {
      throw new SignError(
        'SSH_INVALID',
        `answer of the SSH agent should have at most ${maxAgentMessageBytes} bytes, not ${length}`,
      );
    }
    if (bytes.byteLength >= 4 + length) return new Uint8Array(bytes.subarray(4, 4 + length));
  }
  throw new SignError('SSH_INVALID', `answer of the SSH agent breaks off after ${bytes.byteLength} bytes`);
}
