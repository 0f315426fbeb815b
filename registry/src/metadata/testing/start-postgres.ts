import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '@img/sign/testing/needs';
import pg, { type Client } from 'pg';
import { makeCertificate } from '../../testing/certificate.ts';
import { type ServerProcess, startServerProcess } from '../../testing/server-process.ts';

/** Where Debian has the programs of the server, which are not in PATH. */
const debianFolder = '/usr/lib/postgresql';

export const postgresPassword = 'secret-of-tests';

/** A user that may do nothing: the server refuses to run as root. */
const nobody = 65_534;

/** The programs of the PostgreSQL that is installed here; undefined where there is none. */
export type PostgresPrograms = { readonly postgres: string; readonly initdb: string };

export function findPostgres(): PostgresPrograms | undefined {
  const postgres = findServerProgram('postgres');
  const initdb = findServerProgram('initdb');
  return postgres === undefined || initdb === undefined ? undefined : { postgres, initdb };
}

function findServerProgram(name: string): string | undefined {
  const versions = existsSync(debianFolder) ? readdirSync(debianFolder) : [];
  const inDebian = versions.map((version) => join(debianFolder, version, 'bin', name)).filter(existsSync);
  return inDebian.at(-1) ?? findProgram(name);
}

/** Starts a server with a user `tester` and no databases but its own, as a user of the system who may do nothing else. */
export async function startPostgres({ postgres, initdb }: PostgresPrograms): Promise<ServerProcess> {
  const uid = process.geteuid?.() === 0 ? nobody : undefined;
  return startServerProcess({
    prepare: (folder) => {
      if (uid !== undefined) chownSync(folder, uid, uid);
      writeFileSync(join(folder, 'password'), `${postgresPassword}\n`);
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

/** Runs one statement as the owner of everything. */
export async function administer(port: number, statement: string): Promise<void> {
  const client = await connect(port);
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

async function connect(port: number): Promise<Client> {
  for (;;) {
    const client = new pg.Client({
      host: '127.0.0.1',
      port,
      user: 'tester',
      password: postgresPassword,
      database: 'postgres',
    });
    try {
      await client.connect();
      return client;
    } catch (error) {
      // It listens before it is ready.
      if ((error as { readonly code?: unknown }).code !== '57P03') throw error;
    }
  }
}

/** Ends all connections to a server, or to one of its databases, as a restart would. */
export async function cutConnections(port: number, database?: string): Promise<void> {
  const there = database === undefined ? '' : ` AND datname = $$${database}$$`;
  const others = `pid <> pg_backend_pid() AND backend_type = $$client backend$$${there}`;
  await administer(port, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${others}`);
}
