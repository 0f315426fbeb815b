import type { Dialect } from './database.ts';
import { accounts } from './migrations/accounts.ts';
import { admission } from './migrations/admission.ts';
import { beginning } from './migrations/beginning.ts';
import { caching } from './migrations/caching.ts';
import { recovery } from './migrations/recovery.ts';
import { retention } from './migrations/retention.ts';
import { secrets } from './migrations/secrets.ts';
import { transparency } from './migrations/transparency.ts';

/** One step of the schema. Steps are only ever added, at the end; what is released never changes. */
export type Migration = {
  readonly name: string;
  readonly statements: (dialect: Dialect) => readonly string[];
};

export const migrations: readonly Migration[] = [
  beginning,
  secrets,
  accounts,
  retention,
  admission,
  transparency,
  caching,
  recovery,
];
