import { listRepositories } from '../../metadata/repositories.ts';
import type { Exchange } from '../exchange.ts';
import { answerJson } from '../http/answer.ts';
import { linkNextPage, readPage } from '../http/page.ts';

/** `GET /v2/_catalog` (Docker's protocol): the repositories that hold a manifest, in byte order. */
export async function getCatalog({ ctx, query, services }: Exchange): Promise<void> {
  const { limit, after } = readPage(query);
  const names = await listRepositories(services.database, { after, limit: limit + 1 });
  const page = names.slice(0, limit);
  const last = page.at(-1);
  if (names.length > limit && last !== undefined) linkNextPage(ctx, query, last);
  answerJson(ctx, { repositories: page });
}
