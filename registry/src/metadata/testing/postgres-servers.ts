import { join } from 'node:path';
import test from 'ava';
import type { ServerProcess } from '../../testing/server-process.ts';
import { type PostgresLocation, parsePostgresLocation } from '../postgres/postgres-location.ts';
import {
  administer,
  cutConnections,
  findPostgres,
  postgresPassword,
  startPostgres,
} from './start-postgres.ts';

/** A real PostgreSQL server. */
export type PostgresServer = {
  readonly name: string;
  /** Makes an empty database and says where it is; parameters end its URL. */
  database(options?: { readonly create?: string; readonly parameters?: string }): Promise<PostgresLocation>;
  /** The file of the certificate that it shows for 127.0.0.1. */
  certificate(): Promise<string>;
  /** Ends all connections to one of its databases, as a restart would; other tests keep theirs. */
  cutConnections(location: PostgresLocation): Promise<void>;
};

/**
 * The PostgreSQL server that is installed here: started when a test of the file first asks it for a database, as a
 * user who may do nothing else. Where there is none, a test says so, and fails where tools are required.
 */
export function postgresServers(): readonly PostgresServer[] {
  const programs = findPostgres();
  if (programs === undefined) {
    test('PostgreSQL: not here', (t) => {
      const message = 'not tested with PostgreSQL (Debian package postgresql)';
      if (process.env['IMG_REQUIRE_TOOLS'] === '1') t.fail(message);
      else t.log(message);
      t.pass();
    });
    return [];
  }
  let running: Promise<ServerProcess> | undefined;
  const server = () => {
    running ??= startPostgres(programs);
    return running;
  };
  test.after.always('PostgreSQL ends', async () => (await running)?.stop());
  let databases = 0;
  return [
    {
      name: 'postgresql',
      async database({ create = '', parameters = '' } = {}) {
        databases += 1;
        const name = `test_${databases}`;
        const { port } = await server();
        await administer(port, `CREATE DATABASE ${name} ${create}`);
        return parsePostgresLocation(
          `postgres://tester:${postgresPassword}@127.0.0.1:${port}/${name}${parameters}`,
        );
      },
      async certificate() {
        return join((await server()).folder, 'certificate.pem');
      },
      async cutConnections({ port, database }) {
        await cutConnections(port, database);
      },
    },
  ];
}
