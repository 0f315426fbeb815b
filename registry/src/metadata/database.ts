import { quote } from '@img/spec/quote';
import { MetadataError } from './metadata-error.ts';

/** What a column holds. Text has no NUL; integers stay below 2^53; times are milliseconds since 1970. */
export type SqlValue = string | number | Uint8Array | null;

export type Row = { readonly [column: string]: SqlValue };

/** @throws MetadataError TEXT_INVALID for a text with a NUL, which databases cut off, refuse or never find */
export function checkValues(values: readonly SqlValue[]): void {
  for (const value of values) {
    if (typeof value === 'string' && value.includes('\0')) {
      throw new MetadataError('TEXT_INVALID', `${quote(value)} has a character that can't be stored`);
    }
  }
}

/** Asks; statements name their parameters $1, $2, … */
export type Reader = {
  /** All rows. */
  all<R extends Row>(sql: string, ...values: readonly SqlValue[]): Promise<readonly R[]>;
  /** The first row. */
  get<R extends Row>(sql: string, ...values: readonly SqlValue[]): Promise<R | undefined>;
};

/** Asks and changes; there is one only inside a transaction. */
export type Writer = Reader & {
  readonly dialect: Dialect;
  /** Returns how many rows were changed. */
  run(sql: string, ...values: readonly SqlValue[]): Promise<number>;
};

export type TransactionOptions = {
  /**
   * Whether a power loss right after the promise resolves must not undo the transaction; true by default. Without
   * it the transaction is quicker, and still happens wholly or not at all.
   */
  readonly durable?: boolean;
  /**
   * Whether what the work has read must stay as it was until the end; true by default. Without it the work is what one
   * row is changed by: it waits for others that change the same row, and sees what they have made of it.
   */
  readonly isolated?: boolean;
};

/** For notes of one row that are worth no wait: lost in a power loss, they cost a repetition and nothing else. */
export const ofOneRow: TransactionOptions = { durable: false, isolated: false };

/** How one schema, and one set of queries, are written for different databases. */
export type Dialect = {
  readonly integer: string;
  /** Text compared byte by byte. */
  readonly text: string;
  readonly bytes: string;
  /** A primary key that the database counts up. */
  readonly identity: string;
  /** What follows the closing bracket of CREATE TABLE. */
  readonly tableOptions: string;
  /** Ends a query that takes rows of the table, or its alias, to work on them: not those that others took. */
  readonly skipLocked: (table: string) => string;
};

/** A relational database. The contract test of this folder runs over every implementation. */
export type Database = Reader & {
  readonly dialect: Dialect;
  /**
   * Runs the work as if nothing else happened at the same time, unless it needs less, and keeps all of its changes
   * or, if it throws, none. The work must wait for nothing but its own statements, and may be run again where implementations
   * resolve conflicts that way.
   */
  transaction<T>(work: (writer: Writer) => Promise<T>, options?: TransactionOptions): Promise<T>;
  close(): Promise<void>;
};

/** `$first, $first+1, …`: the placeholders of a list of values. */
export function placeholders(first: number, count: number): string {
  return Array.from({ length: count }, (_, index) => `$${first + index}`).join(', ');
}
