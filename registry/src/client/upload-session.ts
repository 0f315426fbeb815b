import { type Digest, isDigest } from '@img/spec/digest';
import { routePath } from '@img/spec/routes';
import { RegistryError } from '../registry-error.ts';
import type { RepositoryLocation } from '../transfer/content.ts';
import type { RegistryRequest } from './connection.ts';
import { refusalOf } from './refusal.ts';
import { pathOf, type RemoteRepository } from './remote-repository.ts';
import { TransientFailure } from './retry.ts';
import { repositoryScope } from './scope.ts';
import type { Answer, RequestBody } from './transport.ts';

/** A blob on its way into a repository. */
export type Upload = {
  readonly remote: RemoteRepository;
  /** What is being done, for messages. */
  readonly what: string;
  readonly digest: Digest;
  readonly signal: AbortSignal | undefined;
};

/**
 * Begins an upload, or takes the blob over from another repository of the registry. Without a known origin the
 * registry is asked to look for one itself, which costs no request more.
 *
 * @returns where to send the blob; undefined if that is not needed any more
 */
export async function startUpload(
  upload: Upload,
  origin: RepositoryLocation | undefined,
): Promise<URL | undefined> {
  const { remote, digest } = upload;
  if (!remote.known.refusesMounts) {
    const isElsewhere =
      origin?.registry === remote.location.registry && origin.repository !== remote.location.repository;
    const from = isElsewhere ? pathOf(origin) : undefined;
    const answer = await post(upload, `?mount=${digest}${from === undefined ? '' : `&from=${from}`}`, {
      // Some registries refuse a mount that they can't do, where the specification wants an upload begun.
      accept: [201, 202, 400, 401, 403, 404, 405],
      scopes: [...remote.scopes, ...(from === undefined ? [] : [repositoryScope(from, ['pull'])])],
    });
    if (answer.status === 201) {
      await answer.discard();
      return undefined;
    }
    if (answer.status === 202) return await locationOf(upload, answer);
    await answer.discard();
    if (from === undefined) remote.known.refusesMounts = true;
  }
  return await locationOf(upload, await post(upload, '', { accept: [202], scopes: remote.scopes }));
}

async function post(
  { remote, what, signal }: Upload,
  query: string,
  options: Pick<RegistryRequest, 'accept' | 'scopes'>,
): Promise<Answer> {
  return await remote.connection.request({
    what,
    method: 'POST',
    target: `${routePath.uploads(remote.path)}${query}`,
    body: { sizeBytes: 0, open: nothing },
    signal,
    ...options,
  });
}

/**
 * Sends the blob from an offset on and closes the upload.
 *
 * @throws TransientFailure if the upload may go on after a look at its status; RegistryError DIGEST_MISMATCH if
 *   the registry found another digest than the right one
 */
export async function finishUpload(
  { remote, what, digest, signal }: Upload,
  location: URL,
  offset: number,
  body: RequestBody,
): Promise<void> {
  const answer = await remote.connection.request({
    what,
    method: 'PUT',
    // The rest of the query belongs to the registry and must stay as it is, down to its encoding.
    target: new URL(`${location.href}${location.search === '' ? '?' : '&'}digest=${digest}`),
    scopes: remote.scopes,
    headers: {
      'content-type': 'application/octet-stream',
      // No range is empty: nothing is sent if all had arrived.
      ...(offset === 0 || body.sizeBytes === 0
        ? {}
        : { 'content-range': `${offset}-${offset + body.sizeBytes - 1}` }),
    },
    body,
    accept: [200, 201, 204, 400, 404, 416],
    isRetried: false,
    signal,
  });
  if (answer.status >= 400) throw await finishRefusal(what, answer);
  await answer.discard();
  const said = answer.header('docker-content-digest');
  if (said !== undefined && isDigest(said) && said !== digest) {
    throw new RegistryError('DIGEST_MISMATCH', `could not ${what}: the registry stored ${said} instead`);
  }
}

async function finishRefusal(what: string, answer: Answer): Promise<Error> {
  const refusal = await refusalOf(what, answer);
  const { cause } = refusal;
  if (cause instanceof Error && 'code' in cause && cause.code === 'DIGEST_INVALID') {
    return new RegistryError('DIGEST_MISMATCH', refusal.message, { cause });
  }
  // The upload is gone, or is at another offset than we are: its status tells.
  return answer.status === 400 ? refusal : new TransientFailure(refusal);
}

export type UploadStatus = {
  /** Where to send what is missing. */
  readonly location: URL;
  /** How many bytes the registry has. */
  readonly offset: number;
};

/** How far an upload has come; undefined if the registry doesn't know. */
export async function uploadStatus(upload: Upload, location: URL): Promise<UploadStatus | undefined> {
  const { remote, what, signal } = upload;
  const answer = await remote.connection.request({
    what,
    method: 'GET',
    target: location,
    scopes: remote.scopes,
    // Not every registry can tell; then the upload is begun anew.
    accept: [200, 204, 400, 404, 405],
    signal,
  });
  await answer.discard();
  if (answer.status >= 400) return undefined;
  const last = Number(/^(?:bytes=)?0-(\d{1,15})$/.exec(answer.header('range') ?? '')?.[1] ?? 0);
  // `0-0` is what an empty upload answers, too; a blob of one byte is soon sent again.
  const offset = last === 0 ? 0 : last + 1;
  return {
    location: answer.header('location') === undefined ? location : locationFrom(upload, answer),
    offset,
  };
}

async function locationOf(upload: Upload, answer: Answer): Promise<URL> {
  await answer.discard();
  return locationFrom(upload, answer);
}

function locationFrom({ what }: Upload, answer: Answer): URL {
  const location = answer.header('location');
  const url = location === undefined ? null : URL.parse(location, answer.url.href);
  if (url === null) {
    throw new RegistryError('ANSWER_INVALID', `could not ${what}: the registry doesn't say where to send it`);
  }
  // The digest will be added behind it.
  url.hash = '';
  return url;
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
