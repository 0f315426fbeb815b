import { styleText } from 'node:util';
import { printable } from '@img/spec/printable';

export type TextStyle = 'bold' | 'dim' | 'green' | 'red' | 'yellow';

/** Part of a line. What it says may come from outside: it is escaped when the line is written, never before. */
export type Segment = string | { readonly text: string; readonly style: TextStyle };

/** One line without its end. */
export type Line = Segment | readonly Segment[];

export const bold = (text: string): Segment => ({ text, style: 'bold' });
export const dim = (text: string): Segment => ({ text, style: 'dim' });
export const green = (text: string): Segment => ({ text, style: 'green' });
export const red = (text: string): Segment => ({ text, style: 'red' });
export const yellow = (text: string): Segment => ({ text, style: 'yellow' });

/**
 * The line as it goes to a stream: nothing in it but the styles given here acts on a terminal, and it stays one
 * line.
 */
export function renderLine(line: Line, { color }: { readonly color: boolean }): string {
  return segmentsOf(line)
    .map((segment) => {
      if (typeof segment === 'string') return printable(segment);
      const text = printable(segment.text);
      return color ? styleText(segment.style, text, { validateStream: false }) : text;
    })
    .join('');
}

/** How many columns the line takes, as far as characters take one. */
export function lineWidth(line: Line): number {
  return [...renderLine(line, { color: false })].length;
}

export function segmentsOf(line: Line): readonly Segment[] {
  return typeof line === 'object' && 'map' in line ? line : [line];
}
