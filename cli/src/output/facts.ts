import { dim, type Line, segmentsOf } from './text.ts';

/** A line that says one thing of something. */
export function fact(title: string, value: Line): Line {
  return [dim(title.padEnd(13)), ...segmentsOf(value)];
}

/** The same thing, said once for each value. */
export function facts(title: string, values: readonly Line[]): readonly Line[] {
  return values.map((value) => fact(title, value));
}
