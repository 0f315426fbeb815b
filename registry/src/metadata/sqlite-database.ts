import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { syncFolder } from '../storage/write-file-atomic.ts';
import {
  checkValues,
  type Database,
  type Dialect,
  type Row,
  type SqlValue,
  type TransactionOptions,
  type Writer,
} from './database.ts';
import { GroupSync } from './group-sync.ts';

const sqliteDialect: Dialect = {
  integer: 'INTEGER',
  text: 'TEXT',
  bytes: 'BLOB',
  identity: 'INTEGER PRIMARY KEY',
  tableOptions: 'STRICT',
  // There is one writer.
  skipLocked: () => '',
};

/** "imgr", shown by file(1). */
const applicationId = 0x69_6d_67_72;

/** How long a reader waits while another process clears up behind a killed one; nothing else ever stops it. */
const readerTimeoutMs = 10_000;

/** How long a transaction waits for the one of another process, and an opening for one that opens or closes the file. */
const busyTimeoutMs = 30_000;
const sqliteBusy = 5;

/**
 * A database in one SQLite file with a write-ahead log: one connection writes, one transaction at a time; another
 * one reads and never waits. Several processes may open the same file.
 */
export class SqliteDatabase implements Database {
  readonly dialect = sqliteDialect;
  readonly #writer: Connection;
  readonly #reader: Connection;
  readonly #log: GroupSync;
  #lastTransaction: Promise<unknown> = Promise.resolve();

  private constructor(writer: Connection, reader: Connection, log: GroupSync) {
    this.#writer = writer;
    this.#reader = reader;
    this.#log = log;
  }

  /** Opens the file, or makes it. */
  static async open(path: string): Promise<SqliteDatabase> {
    // SQLite gives its other files the same permissions: there are password hashes in them.
    await (await open(path, 'a', 0o600)).close();
    // SQLite syncs at checkpoints only; GroupSync syncs what a durable transaction wrote, off the event loop.
    const writer = await Connection.open(
      path,
      'PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 67108864',
    );
    // The log exists from the first transaction on.
    await writer.transaction(() => writer.run(`PRAGMA application_id = ${applicationId}`));
    const reader = await Connection.open(
      path,
      `PRAGMA query_only = ON; PRAGMA busy_timeout = ${readerTimeoutMs}`,
    );
    const log = await GroupSync.open(`${path}-wal`);
    await syncFolder(dirname(path));
    return new SqliteDatabase(writer, reader, log);
  }

  async all<R extends Row>(sql: string, ...values: readonly SqlValue[]): Promise<readonly R[]> {
    return this.#reader.all<R>(sql, ...values);
  }

  async get<R extends Row>(sql: string, ...values: readonly SqlValue[]): Promise<R | undefined> {
    return this.#reader.get<R>(sql, ...values);
  }

  async transaction<T>(
    work: (writer: Writer) => Promise<T>,
    { durable = true }: TransactionOptions = {},
  ): Promise<T> {
    const result = this.#lastTransaction.then(() => this.#writer.transaction(work));
    this.#lastTransaction = result.catch(() => undefined);
    const value = await result;
    if (durable) await this.#log.sync();
    return value;
  }

  async close(): Promise<void> {
    await this.#lastTransaction;
    await this.#log.close();
    this.#reader.close();
    this.#writer.close();
  }
}

/** One connection with its prepared statements; answers at once, behind promises. */
class Connection implements Writer {
  readonly dialect = sqliteDialect;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  static async open(path: string, pragmas: string): Promise<Connection> {
    const database = new DatabaseSync(path);
    try {
      await untilFree(() => database.exec(`PRAGMA journal_mode = WAL; ${pragmas}`));
    } catch (error) {
      database.close();
      throw error;
    }
    return new Connection(database);
  }

  async all<R extends Row>(sql: string, ...values: readonly SqlValue[]): Promise<readonly R[]> {
    return this.#prepare(sql).all(named(values)) as R[];
  }

  async get<R extends Row>(sql: string, ...values: readonly SqlValue[]): Promise<R | undefined> {
    return this.#prepare(sql).get(named(values)) as R | undefined;
  }

  async run(sql: string, ...values: readonly SqlValue[]): Promise<number> {
    return Number(this.#prepare(sql).run(named(values)).changes);
  }

  async transaction<T>(work: (writer: Writer) => Promise<T>): Promise<T> {
    await untilFree(() => this.#database.exec('BEGIN IMMEDIATE'));
    try {
      const value = await work(this);
      this.#database.exec('COMMIT');
      return value;
    } catch (error) {
      // Some failures, such as a full disk, have ended the transaction already.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#database.close();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** Waits for another process; SQLite's own way to wait would stop everything else in this one, perhaps what it waits for. */
async function untilFree(work: () => void): Promise<void> {
  const until = performance.now() + busyTimeoutMs;
  for (let pauseMs = 1; ; pauseMs = Math.min(2 * pauseMs, 50)) {
    try {
      work();
      return;
    } catch (error) {
      const isBusy = ((error as { readonly errcode?: number }).errcode ?? 0) % 256 === sqliteBusy;
      if (!isBusy || performance.now() > until) throw error;
    }
    await setTimeout(pauseMs);
  }
}

// SQLite takes $1 as a parameter's name; PostgreSQL as its position.
function named(values: readonly SqlValue[]): { [name: string]: SqlValue } {
  checkValues(values);
  const parameters: { [name: string]: SqlValue } = {};
  for (const [index, value] of values.entries()) parameters[`$${index + 1}`] = value;
  return parameters;
}
