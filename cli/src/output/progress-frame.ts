import { formatBytes, formatDuration } from './measure.ts';
import type { ProgressItem, ProgressItems } from './progress-items.ts';
import { renderLine } from './text.ts';

export type FrameOptions = {
  /** Of the terminal. */
  readonly columns: number;
  readonly rows: number;
  /** Milliseconds on the same clock as the items'. */
  readonly now: number;
};

const maxItems = 8;
const barColumns = 20;

/** What a terminal shows at one moment: a line per item at work and a last line that sums up. */
export function progressFrame(items: ProgressItems, options: FrameOptions): readonly string[] {
  const { active, endedCount, bytes } = items;
  if (active.length === 0) return [];
  const shown = active.slice(0, Math.max(1, Math.min(maxItems, options.rows - 2)));
  const counts = [`${endedCount} done`, `${active.length} at work`];
  if (bytes > 0) counts.push(formatBytes(bytes));
  return [...shown.map((item) => itemLine(item, options)), `  ${counts.join(', ')}`].map((line) => {
    return cut(line, options.columns - 1);
  });
}

function itemLine(
  { what, bytes, totalBytes, startedAt }: ProgressItem,
  { columns, now }: FrameOptions,
): string {
  const measure = measureOf(bytes, totalBytes, now - startedAt);
  const textColumns = Math.max(10, columns - measure.length - 5);
  return `  ${cut(renderLine(what, { color: false }), textColumns).padEnd(textColumns)}  ${measure}`;
}

function measureOf(bytes: number, totalBytes: number | undefined, milliseconds: number): string {
  if (totalBytes === undefined || totalBytes === 0) {
    return bytes === 0 ? formatDuration(milliseconds) : formatBytes(bytes);
  }
  // A source may send more than was announced before it is refused.
  const filled = Math.round(Math.min(1, bytes / totalBytes) * barColumns);
  const bar = '='.repeat(filled).padEnd(barColumns);
  return `[${bar}] ${formatBytes(bytes).padStart(8)} of ${formatBytes(totalBytes)}`;
}

function cut(text: string, columns: number): string {
  const characters = [...text];
  if (characters.length <= columns) return text;
  return columns < 1 ? '' : `${characters.slice(0, columns - 1).join('')}…`;
}
