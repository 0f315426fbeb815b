/** What a column holds. Integers stay below 2^53; times are milliseconds since 1970. */
export type SqlValue = string | number | Uint8Array | null;

export type Row = { readonly [column: string]: SqlValue };

/** Asks; statements name their parameters $1, $2, … */
export type Reader = {
  /** All rows. */
  all<R extends Row>(sql: string, ...values: readonly SqlValue[]): Promise<readonly R[]>;
  /** The first row. */
  get<R extends Row>(sql: string, ...values: readonly SqlValue[]): Promise<R | undefined>;
};

/** Asks and changes; there is one only inside a transaction. */
export type Writer = Reader & {
  /** Returns how many rows were changed. */
  run(sql: string, ...values: readonly SqlValue[]): Promise<number>;
};

export type TransactionOptions = {
  /**
   * Whether a power loss right after the promise resolves must not undo the transaction; true by default. Without
   * it the transaction is quicker, and still happens wholly or not at all.
   */
  readonly durable?: boolean;
};

/** How one schema is written for different databases: the names of the column types. */
export type Dialect = {
  readonly integer: string;
  /** Text compared byte by byte. */
  readonly text: string;
  readonly bytes: string;
  /** A primary key that the database counts up. */
  readonly identity: string;
  /** What follows the closing bracket of CREATE TABLE. */
  readonly tableOptions: string;
};

/** A relational database. The contract test of this folder runs over every implementation. */
export type Database = Reader & {
  readonly dialect: Dialect;
  /**
   * Runs the work as if nothing else happened at the same time, and keeps all of its changes or, if it throws,
   * none. The work must wait for nothing but its own statements, and may be run again where implementations
   * resolve conflicts that way.
   */
  transaction<T>(work: (writer: Writer) => Promise<T>, options?: TransactionOptions): Promise<T>;
  close(): Promise<void>;
};

/** `$first, $first+1, …`: the placeholders of a list of values. */
export function placeholders(first: number, count: number): string {
  return Array.from({ length: count }, (_, index) => `$${first + index}`).join(', ');
}
