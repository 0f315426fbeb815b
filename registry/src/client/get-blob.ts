import type { Descriptor } from '@img/spec/descriptor';
import { quote } from '@img/spec/quote';
import { routePath } from '@img/spec/routes';
import { RegistryError } from '../registry-error.ts';
import type { ContentOptions } from '../transfer/content.ts';
import { contentLength } from './read-body.ts';
import type { RemoteRepository } from './remote-repository.ts';
import { failuresAfter, pauseBeforeRetry, TransientFailure } from './retry.ts';
import type { Answer } from './transport.ts';

/**
 * Reads a blob from an offset on. A broken connection is taken up where it broke. There are exactly as many
 * bytes as the descriptor says, or an error; the digest is for the reader to check.
 *
 * @throws RegistryError SIZE_MISMATCH, ANSWER_TOO_LONG, ANSWER_TRUNCATED and what requests throw
 */
export async function* getBlob(
  remote: RemoteRepository,
  descriptor: Descriptor,
  { offset = 0, signal }: ContentOptions & { readonly offset?: number } = {},
): AsyncGenerator<Uint8Array> {
  const { retry } = remote.connection;
  const { size } = descriptor;
  let at = offset;
  let failures = 0;
  let progress = 0;
  // Nothing can be asked for behind the end, but an empty blob is asked for, to see that it is there.
  while (at < size || size === 0) {
    try {
      for await (const chunk of readFrom(remote, descriptor, at, signal)) {
        at += chunk.byteLength;
        progress += chunk.byteLength;
        yield chunk;
      }
      return;
    } catch (error) {
      if (!(error instanceof TransientFailure)) throw error;
      failures = failuresAfter(failures, progress);
      progress = 0;
      if (failures >= retry.attempts) {
        throw new RegistryError(
          'ANSWER_TRUNCATED',
          `could not ${purpose(remote, descriptor)}: the answer ended after ${at} of ${size} bytes`,
          { cause: error.error },
        );
      }
      await pauseBeforeRetry(retry, failures, error, signal);
    }
  }
}

/** What one answer brings; a {@link TransientFailure} if that is not everything. */
async function* readFrom(
  remote: RemoteRepository,
  descriptor: Descriptor,
  offset: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const what = purpose(remote, descriptor);
  const answer = await remote.connection.request({
    what,
    method: 'GET',
    target: routePath.blob(remote.path, descriptor.digest),
    scopes: remote.scopes,
    headers: offset === 0 ? {} : { range: `bytes=${offset}-` },
    accept: offset === 0 ? [200] : [200, 206],
    signal,
  });
  const start = await startOf(answer, what, offset, descriptor.size);
  // A server without ranges sends everything once more.
  let unwanted = offset - start;
  let wanted = descriptor.size - offset;
  for await (const chunk of answer.body) {
    const part = chunk.subarray(Math.min(unwanted, chunk.byteLength));
    unwanted -= chunk.byteLength - part.byteLength;
    wanted -= part.byteLength;
    if (wanted < 0) {
      throw new RegistryError(
        'ANSWER_TOO_LONG',
        `could not ${what}: the answer has more than the blob's ${descriptor.size} bytes`,
      );
    }
    if (part.byteLength > 0) yield part;
  }
  if (wanted > 0) throw new TransientFailure(new Error('the connection was closed'));
}

/** The offset that the answer begins at; refuses what can't be the blob by its headers already. */
async function startOf(answer: Answer, what: string, offset: number, size: number): Promise<number> {
  const refused = async (code: 'ANSWER_INVALID' | 'SIZE_MISMATCH', reason: string) => {
    await answer.discard();
    return new RegistryError(code, `could not ${what}: ${reason}`);
  };
  const encoding = answer.header('content-encoding');
  if (encoding !== undefined && encoding !== 'identity') {
    throw await refused(
      'ANSWER_INVALID',
      `the answer is encoded as ${quote(encoding)}, which nobody asked for`,
    );
  }
  const range = answer.header('content-range');
  const start = answer.status === 206 ? Number(/^bytes (\d{1,15})-/.exec(range ?? '')?.[1]) : 0;
  if (answer.status === 206 && start !== offset) {
    throw await refused('ANSWER_INVALID', `bytes from ${offset} on were asked for, not ${quote(range)}`);
  }
  const announced = contentLength(answer);
  if (announced !== undefined && announced !== size - start) {
    throw await refused('SIZE_MISMATCH', `the registry has ${start + announced} bytes instead of ${size}`);
  }
  return start;
}

function purpose({ name }: RemoteRepository, { digest }: Descriptor): string {
  return `get blob ${digest} of ${name}`;
}
