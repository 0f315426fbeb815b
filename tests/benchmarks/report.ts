import type { Figure, Times } from './figure.ts';

export type Result = { readonly figure: Figure; readonly times: Times };

/** The middle one; the mean of the two in the middle of an even number. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  const high = sorted[Math.floor(middle)] ?? Number.NaN;
  return (low + high) / 2;
}

/** A table for people: medians, ranges, and how many times longer a peer takes than img. */
export function reportLines(results: readonly Result[]): readonly string[] {
  return results.flatMap(({ figure, times }) => {
    const ours = median(times.get('img') ?? []);
    const rows = [...times].map(([tool, values]) => {
      const range = `${seconds(Math.min(...values))} – ${seconds(Math.max(...values))}`;
      const ratio = tool === 'img' ? '' : `${(median(values) / ours).toFixed(1)} x`;
      return `  ${tool.padEnd(8)} ${seconds(median(values)).padStart(9)}  ${range.padEnd(22)} ${ratio}`.trimEnd();
    });
    return ['', figure.title, `  (${figure.note})`, ...rows];
  });
}

/** The same for programs. Times are in milliseconds. */
export function reportDocument(results: readonly Result[]): unknown {
  return results.map(({ figure: { title, note, contestants }, times }) => ({
    title,
    note,
    tools: contestants.map(({ tool, command }) => {
      const values = times.get(tool) ?? [];
      return { tool, command: command.line.join(' '), medianMs: median(values), timesMs: values };
    }),
  }));
}

function seconds(milliseconds: number): string {
  return milliseconds < 1000 ? `${milliseconds.toFixed(0)} ms` : `${(milliseconds / 1000).toFixed(2)} s`;
}
