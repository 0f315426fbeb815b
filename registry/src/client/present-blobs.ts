import type { Digest } from '@img/spec/digest';
import { routePath } from '@img/spec/routes';
import type { BlobRequest, ContentOptions } from '../transfer/content.ts';
import { forEachParallel } from '../transfer/parallel.ts';
import type { RemoteRepository } from './remote-repository.ts';

const parallelRequests = 8;

/** The digests that the repository has; registries keep what was asked for from being collected for a while. */
export async function presentBlobs(
  { connection, name, path, scopes }: RemoteRepository,
  requests: readonly BlobRequest[],
  { signal }: ContentOptions = {},
): Promise<ReadonlySet<Digest>> {
  const present = new Set<Digest>();
  await forEachParallel(
    requests,
    parallelRequests,
    signal,
    async ({ descriptor: { digest } }, innerSignal) => {
      const answer = await connection.request({
        what: `look for blob ${digest} in ${name}`,
        method: 'HEAD',
        target: routePath.blob(path, digest),
        scopes,
        accept: [200, 404],
        signal: innerSignal,
      });
      await answer.discard();
      if (answer.status === 200) present.add(digest);
    },
  );
  return present;
}
