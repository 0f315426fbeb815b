import type { Output } from './output.ts';
import { type Column, tableLines } from './table.ts';
import type { Line } from './text.ts';

export type ListOptions<T> = {
  readonly columns: readonly Column[];
  readonly row: (item: T) => readonly Line[];
  /** Told where there is nothing to list. */
  readonly empty?: string;
};

/** Prints what was asked for as a table, or as it is for programs. */
export function showList<T>(
  output: Output,
  items: readonly T[],
  { columns, row, empty }: ListOptions<T>,
): void {
  if (items.length === 0 && empty !== undefined) output.story(empty);
  output.result(items, () => tableLines(columns, items.map(row)));
}
