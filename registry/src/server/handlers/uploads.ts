import { randomUUID } from 'node:crypto';
import { type Digest, type DigestAlgorithm, isDigestAlgorithm } from '@img/spec/digest';
import { ProtocolError } from '@img/spec/protocol-error';
import { quote } from '@img/spec/quote';
import { isRepositoryName, type RepositoryName } from '@img/spec/repository-name';
import { ofOneRow } from '../../metadata/database.ts';
import { listRepositoriesWithBlob } from '../../metadata/links.ts';
import { mountBlob } from '../../metadata/mount-blob.ts';
import { insertUpload, type Upload } from '../../metadata/uploads.ts';
import { createBlobKey } from '../../storage/blob-key.ts';
import { emptyUpload } from '../../storage/blob-store.ts';
import { digestParameter, type RepositoryExchange } from '../exchange.ts';
import { withUpload } from '../uploads/with-upload.ts';
import { answerBlobCreated, answerUploadState, receive } from './upload.ts';

/** Repositories looked through for a blob to mount when the client names none. */
const mostSources = 100;

/**
 * `POST /v2/<name>/blobs/uploads/`: mounts a blob, takes one in a single request, or begins an upload session
 * (distribution-spec, "Pushing blobs", "Mounting a blob from another repository").
 */
export async function postUpload(exchange: RepositoryExchange): Promise<void> {
  const { ctx, query, services } = exchange;
  const mount = query.get('mount');
  if (mount !== null && (await tryMount(exchange, mount))) return;
  const digestText = mount === null ? query.get('digest') : null;
  const digest = digestText === null ? undefined : digestParameter(digestText);
  const upload = await begin(exchange, algorithmParameter(query));
  if (digest === undefined) {
    answerUploadState(ctx, upload, 202);
    return;
  }
  await withUpload(services, upload, async (session) => {
    try {
      await receive(exchange, session, digest);
    } catch (error) {
      // Nobody knows this session, so nobody could go on with it.
      await session.cancel();
      throw error;
    }
    await session.commit(digest);
  });
  answerBlobCreated(exchange, digest);
}

async function begin(
  { services, repository, caller }: RepositoryExchange,
  algorithm: DigestAlgorithm | undefined,
): Promise<Upload> {
  const upload: Upload = {
    id: randomUUID(),
    repository,
    owner: caller.name,
    key: createBlobKey(),
    algorithm,
    state: emptyUpload,
  };
  const now = services.clock();
  await services.database.transaction((writer) => insertUpload(writer, upload, now), ofOneRow);
  return upload;
}

/** Mounting is an offer: if it can't be done the client uploads, without learning why. */
async function tryMount(exchange: RepositoryExchange, mount: string): Promise<boolean> {
  const { query, repository: to, services } = exchange;
  const digest = digestParameter(mount);
  const from = await findSource(exchange, digest, query.get('from'));
  if (from === undefined) return false;
  const now = services.clock();
  const isMounted = await services.database.transaction((writer) => {
    return mountBlob(writer, { digest, from, to }, { now, reviewAt: now + services.limits.unneededMs });
  });
  if (isMounted) answerBlobCreated(exchange, digest);
  return isMounted;
}

/**
 * The repository to mount from: the one named, or any one that has the blob, if the user may pull from it. What the
 * token says of it does not matter: clients ask for a token for the repository that they push to.
 */
async function findSource(
  { caller, services }: RepositoryExchange,
  digest: Digest,
  named: string | null,
): Promise<RepositoryName | undefined> {
  if (named !== null && !isRepositoryName(named)) {
    throw new ProtocolError('NAME_INVALID', `from should be the name of a repository, not ${quote(named)}`);
  }
  const principal = await caller.principal();
  const holders =
    named === null ? await listRepositoriesWithBlob(services.database, digest, mostSources) : [named];
  for (const name of holders) if (await services.policy.allows(principal, name, 'pull')) return name;
  return undefined;
}

function algorithmParameter(query: URLSearchParams): DigestAlgorithm | undefined {
  const text = query.get('digest-algorithm');
  if (text === null) return undefined;
  if (isDigestAlgorithm(text)) return text;
  throw new ProtocolError(
    'DIGEST_INVALID',
    `digest-algorithm should be sha256 or sha512, not ${quote(text)}`,
  );
}
