import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '@img/sign/testing/needs';
import test from 'ava';
import pg, { type Client } from 'pg';
import { makeCertificate } from '../../testing/certificate.ts';
import { type ServerProcess, startServerProcess } from '../../testing/server-process.ts';
import { type PostgresLocation, parsePostgresLocation } from '../postgres/postgres-location.ts';

/** A real PostgreSQL server. */
export type PostgresServer = {
  readonly name: string;
  /** Makes an empty database and says where it is; parameters end its URL. */
  database(options?: { readonly create?: string; readonly parameters?: string }): Promise<PostgresLocation>;
  /** The file of the certificate that it shows for 127.0.0.1. */
  certificate(): Promise<string>;
  /** Ends all connections to it, as a restart would. */
  cutConnections(): Promise<void>;
};

/** Where Debian has the programs of the server, which are not in PATH. */
const debianFolder = '/usr/lib/postgresql';

const password = 'secret-of-tests';

/** A user that may do nothing: the server refuses to run as root. */
const nobody = 65_534;

/**
 * The PostgreSQL server that is installed here: started when a test of the file first asks it for a database, as a
 * user who may do nothing else. Where there is none, a test says so, and fails where tools are required.
 */
export function postgresServers(): readonly PostgresServer[] {
  const postgres = findServerProgram('postgres');
  const initdb = findServerProgram('initdb');
  if (postgres === undefined || initdb === undefined) {
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
    running ??= start(postgres, initdb);
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
        return parsePostgresLocation(`postgres://tester:${password}@127.0.0.1:${port}/${name}${parameters}`);
      },
      async certificate() {
        return join((await server()).folder, 'certificate.pem');
      },
      async cutConnections() {
        const others = 'pid <> pg_backend_pid() AND backend_type = $$client backend$$';
        const { port } = await server();
        await administer(port, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${others}`);
      },
    },
  ];
}

function findServerProgram(name: string): string | undefined {
  const versions = existsSync(debianFolder) ? readdirSync(debianFolder) : [];
  const inDebian = versions.map((version) => join(debianFolder, version, 'bin', name)).filter(existsSync);
  return inDebian.at(-1) ?? findProgram(name);
}

async function start(postgres: string, initdb: string): Promise<ServerProcess> {
  const uid = process.geteuid?.() === 0 ? nobody : undefined;
  return startServerProcess({
    prepare: (folder) => {
      if (uid !== undefined) chownSync(folder, uid, uid);
      writeFileSync(join(folder, 'password'), `${password}\n`);
      const { key } = makeCertificate(folder, 'IP:127.0.0.1');
      if (uid !== undefined) chownSync(key, uid, uid);
      const who = ['--username=tester', '--pwfile=password', '--auth=scram-sha-256'];
      const options = [...who, '--encoding=UTF8', '--locale=C.UTF-8', '--no-sync'];
      execFileSync(initdb, [...options, '--pgdata', join(folder, 'data')], {
        stdio: 'ignore',
        cwd: folder,
        ...(uid === undefined ? {} : { uid, gid: uid }),
      });
    },
    command: (folder, port) => [
      postgres,
      ...['-D', join(folder, 'data'), '-k', folder, '-p', String(port)],
      ...settings(folder).flatMap((text) => ['-c', text]),
    ],
    uid,
    // Shared memory stays behind when it is killed.
    endSignal: 'SIGQUIT',
  });
}

function settings(folder: string): readonly string[] {
  const tls = [
    'ssl=on',
    `ssl_cert_file=${join(folder, 'certificate.pem')}`,
    `ssl_key_file=${join(folder, 'key.pem')}`,
  ];
  // Nothing of it is kept, and many tests connect at once.
  return ['fsync=off', 'listen_addresses=127.0.0.1', 'max_connections=300', ...tls];
}

async function administer(port: number, statement: string): Promise<void> {
  const client = await connect(port);
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

async function connect(port: number): Promise<Client> {
  for (;;) {
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'tester', password, database: 'postgres' });
    try {
      await client.connect();
      return client;
    } catch (error) {
      // It listens before it is ready.
      if ((error as { readonly code?: unknown }).code !== '57P03') throw error;
    }
  }
}
