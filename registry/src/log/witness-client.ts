import { encodeBase64 } from '@img/sign/base64';
import { type NoteSignature, parseSignature } from '@img/sign/log/signed-note';
import type { TreeHash } from '@img/sign/log/tree-hash';
import { quote } from '@img/spec/quote';
import { Agent, request } from 'undici';
import { RegistryError } from '../registry-error.ts';

/** What a witness is told: that a log has grown, and the proof of it (https://c2sp.org/tlog-witness). */
export type Growth = {
  readonly oldSize: number;
  readonly proof: readonly TreeHash[];
  /** The signed note. */
  readonly checkpoint: string;
};

/** The signatures of the witness, or the size that it has seen, if it is another one than it was told. */
export type WitnessAnswer =
  | { readonly signatures: readonly NoteSignature[]; readonly knownSize: undefined }
  | { readonly signatures: undefined; readonly knownSize: number };

const answerBytes = 16 * 1024;

/**
 * Asks a witness to sign a checkpoint.
 *
 * @param url where the witness is; `add-checkpoint` below it is asked
 * @param patienceMs how long it has to answer
 * @throws RegistryError REGISTRY_UNREACHABLE, REQUEST_REFUSED, ANSWER_INVALID; SignError NOTE_INVALID
 */
export async function askWitness(url: string, growth: Growth, patienceMs: number): Promise<WitnessAnswer> {
  const { oldSize, proof, checkpoint } = growth;
  const body = [`old ${oldSize}`, ...proof.map(encodeBase64), '', checkpoint].join('\n');
  const { status, text } = await post(`${url.replace(/\/$/, '')}/add-checkpoint`, body, patienceMs);
  if (status === 409) {
    const size = /^(\d{1,15})\n$/.exec(text)?.[1];
    if (size !== undefined) return { signatures: undefined, knownSize: Number(size) };
  }
  if (status !== 200) {
    throw new RegistryError(
      'REQUEST_REFUSED',
      `witness ${url} does not sign: ${status} ${quote(text.trim())}`,
    );
  }
  const lines = text.replace(/\n$/, '').split('\n');
  return { signatures: lines.map(parseSignature), knownSize: undefined };
}

async function post(
  url: string,
  body: string,
  patienceMs: number,
): Promise<{ readonly status: number; readonly text: string }> {
  const agent = new Agent({ maxResponseSize: answerBytes });
  try {
    const answer = await request(url, {
      method: 'POST',
      body,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      dispatcher: agent,
      signal: AbortSignal.timeout(patienceMs),
    });
    return { status: answer.statusCode, text: await answer.body.text() };
  } catch (cause) {
    throw new RegistryError(
      'REGISTRY_UNREACHABLE',
      `witness ${url} can't be asked: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  } finally {
    await agent.close();
  }
}
