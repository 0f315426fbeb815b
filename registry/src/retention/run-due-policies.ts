import type { NamePrefix } from '@img/spec/name-prefix';
import type { RepositoryName } from '@img/spec/repository-name';
import { possibleOwners } from '../accounts/account-names.ts';
import { listRepositoriesOf } from '../metadata/accounts/list-repositories-of.ts';
import { findLongest } from '../metadata/accounts/organisations.ts';
import type { Database, Reader } from '../metadata/database.ts';
import { findPolicy, hasDuePolicy, type PolicyOwner, takeDuePolicy } from '../metadata/retention-policies.ts';
import { policyOf } from './find-policy.ts';
import { type RetentionReport, runRetention } from './run-retention.ts';

export type DuePoliciesOptions = {
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly unneededMs: number;
  /** Time from one run of a policy to the next. */
  readonly retentionMs: number;
};

export type RepositoryReport = RetentionReport & { readonly repository: RepositoryName };

const namesTogether = 100;

/** Carries out the policies whose time has come, each by one of the processes, and yields what was removed where. */
export async function* runDuePolicies(
  database: Database,
  { clock, unneededMs, retentionMs }: DuePoliciesOptions,
): AsyncGenerator<RepositoryReport, void, undefined> {
  for (;;) {
    const now = clock();
    // Asked at every push: most often there is nothing to change.
    if (!(await hasDuePolicy(database, now))) return;
    const due = await database.transaction((writer) => {
      return takeDuePolicy(writer, { now, next: now + retentionMs });
    });
    if (due === undefined) return;
    const policy = policyOf(due);
    for await (const repository of repositoriesOf(database, due)) {
      const run = { repository, policy, now: clock(), unneededMs, isDryRun: false };
      const report = await runRetention(database, run);
      if (report.removedTags + report.removedManifests > 0) yield { ...report, repository };
    }
  }
}

/** What an organisation owns, without what has a policy of its own. */
async function* repositoriesOf(
  reader: Reader,
  { kind, name }: PolicyOwner,
): AsyncGenerator<RepositoryName, void, undefined> {
  if (kind === 'repository') {
    yield name as RepositoryName;
    return;
  }
  for (let after = ''; ; ) {
    const page = { below: [name as NamePrefix], search: '', after, limit: namesTogether };
    const rows = await listRepositoriesOf(reader, page);
    for (const { name: repository } of rows) {
      const owner = await findLongest(reader, possibleOwners(repository));
      const own = await findPolicy(reader, { kind: 'repository', name: repository });
      if (owner === name && own === undefined) yield repository;
    }
    if (rows.length < namesTogether) return;
    after = rows.at(-1)?.name ?? after;
  }
}
