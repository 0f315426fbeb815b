import { ProtocolError } from '@img/spec/protocol-error';
import { findRepository } from '../../metadata/repositories.ts';
import { listTags } from '../../metadata/tags.ts';
import type { RepositoryExchange } from '../exchange.ts';
import { answerJson } from '../http/answer.ts';
import { linkNextPage, readPage } from '../http/page.ts';

/** `GET /v2/<name>/tags/list` (distribution-spec, "Listing Tags"), in byte order. */
export async function getTags({ ctx, query, repository, services }: RepositoryExchange): Promise<void> {
  const { limit, after } = readPage(query);
  const id = await findRepository(services.database, repository);
  if (id === undefined) throw new ProtocolError('NAME_UNKNOWN', undefined, { detail: { name: repository } });
  const tags = await listTags(services.database, id, { after, limit: limit + 1 });
  const page = tags.slice(0, limit);
  const last = page.at(-1);
  if (tags.length > limit && last !== undefined) linkNextPage(ctx, query, last);
  answerJson(ctx, { name: repository, tags: page });
}
