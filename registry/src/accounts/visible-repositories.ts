import { listRepositoriesOf, type RepositorySummary } from '../metadata/accounts/list-repositories-of.ts';
import type { Principal } from '../server/auth/access-policy.ts';
import type { Services } from '../server/services.ts';

export type VisiblePage = {
  readonly repositories: readonly RepositorySummary[];
  /** What `after` is for the next page; undefined on the last one. */
  readonly next: string | undefined;
};

export type VisibleQuery = { readonly search: string; readonly after: string; readonly limit: number };

/** A page of the repositories that the principal may pull, in byte order. */
export async function listVisible(
  { database, policy }: Pick<Services, 'database' | 'policy'>,
  principal: Principal,
  { search, after, limit }: VisibleQuery,
): Promise<VisiblePage> {
  const below = await policy.readable(principal);
  const repositories: RepositorySummary[] = [];
  for (let position = after; ; ) {
    const rows = await listRepositoriesOf(database, { below, search, after: position, limit: limit + 1 });
    for (const row of rows) {
      // What an organisation inside another one owns is not the outer one's.
      if (!(await policy.allows(principal, row.name, 'pull'))) continue;
      if (repositories.length === limit) return { repositories, next: repositories.at(-1)?.name };
      repositories.push(row);
    }
    if (rows.length <= limit) return { repositories, next: undefined };
    position = rows.at(-1)?.name ?? position;
  }
}
