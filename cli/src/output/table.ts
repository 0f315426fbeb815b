import { type Line, lineWidth, type Segment, segmentsOf } from './text.ts';

export type Column = { readonly title: string; readonly align?: 'left' | 'right' };

/** Lines of a table: a head, a line per row, columns two spaces apart; no lines at all if there are no rows. */
export function tableLines(columns: readonly Column[], rows: readonly (readonly Line[])[]): readonly Line[] {
  if (rows.length === 0) return [];
  const head = columns.map(({ title }): Line => ({ text: title.toUpperCase(), style: 'dim' }));
  const all = [head, ...rows];
  const widths = columns.map((_, index) => Math.max(...all.map((row) => lineWidth(row[index] ?? ''))));
  return all.map((row) => rowLine(columns, row, widths));
}

function rowLine(columns: readonly Column[], row: readonly Line[], widths: readonly number[]): Line {
  return columns.flatMap(({ align }, index): readonly Segment[] => {
    const cell = row[index] ?? '';
    const padding = ' '.repeat((widths[index] ?? 0) - lineWidth(cell));
    const gap = index === 0 ? '' : '  ';
    if (align === 'right') return [gap + padding, ...segmentsOf(cell)];
    return [gap, ...segmentsOf(cell), index === columns.length - 1 ? '' : padding];
  });
}
