import { setPublic } from '../../metadata/accounts/public-repositories.ts';
import { readPage } from '../../server/http/page.ts';
import { type ApiHandler, change, repositoryName, timeText } from '../api-exchange.ts';
import { listVisible } from '../visible-repositories.ts';

const mostRepositories = 1000;

export const showRepositories: ApiHandler<'listRepositories'> = async ({ services, principal, query }) => {
  const { limit } = readPage(query, mostRepositories);
  const { repositories, next } = await listVisible(services, principal, {
    search: query.get('search') ?? '',
    after: query.get('after') ?? '',
    limit: Math.max(limit, 1),
  });
  const entries = await Promise.all(
    repositories.map(async ({ name, tags, pushed_at }) => ({
      name,
      visibility: (await services.policy.isPublic(name)) ? ('public' as const) : ('private' as const),
      tags,
      ...(pushed_at === null ? {} : { pushedAt: timeText(pushed_at) }),
    })),
  );
  return { repositories: entries, ...(next === undefined ? {} : { next }) };
};

export const setVisibility: ApiHandler<'setVisibility'> = async (exchange) => {
  const name = repositoryName(exchange.parameters.repository);
  const isOpen = exchange.body.visibility === 'public';
  const action = isOpen ? 'open to everybody' : 'close to the public';
  await change(exchange, { action, subject: name }, (writer, now) => setPublic(writer, name, isOpen, now));
  return undefined;
};
