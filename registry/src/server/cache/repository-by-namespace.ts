import { ProtocolError } from '@img/spec/protocol-error';
import { quote } from '@img/spec/quote';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Context } from 'koa';
import type { Services } from '../services.ts';

/**
 * Finds the repository that a client of a mirror means: `ns` names the registry that it would ask otherwise
 * (distribution-spec, "Registry Proxying"). What another registry calls so must not be taken for what this one does.
 *
 * @throws ProtocolError NAME_UNKNOWN for a registry that this one doesn't copy, so that the client asks there
 */
export function repositoryByNamespace(
  ctx: Context,
  { cache, publicUrl }: Pick<Services, 'cache' | 'publicUrl'>,
  { repository, namespace }: { readonly repository: RepositoryName; readonly namespace: string | null },
): RepositoryName {
  if (namespace === null || cache.upstreams.length === 0) return repository;
  const upstream = cache.upstreams.find(({ registry }) => registry === namespace);
  const isOwn = namespace === ctx.host || (publicUrl !== undefined && namespace === new URL(publicUrl).host);
  if (upstream === undefined && !isOwn) {
    throw new ProtocolError('NAME_UNKNOWN', `this registry has no copies of ${quote(namespace)}`);
  }
  ctx.set('OCI-Namespace', namespace);
  return upstream?.nameOf(repository) ?? repository;
}
