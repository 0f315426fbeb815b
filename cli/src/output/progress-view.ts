import type { ProgressEvent } from '@img/spec/progress';
import { formatBytes, formatDuration } from './measure.ts';
import { progressFrame } from './progress-frame.ts';
import { ProgressItems } from './progress-items.ts';
import { renderLine } from './text.ts';

/** A stream that text goes to; what is known of its terminal, if it is one. */
export type TextStream = {
  write(text: string | Uint8Array): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

/** One way to show progress. */
export type ProgressView = {
  event(event: ProgressEvent): void;
  /** Writes something else to the same stream without mixing the two. */
  interrupt(write: () => void): void;
  /** Removes what is still drawn. */
  end(): void;
};

export const silentView: ProgressView = {
  event: () => undefined,
  interrupt: (write) => write(),
  end: () => undefined,
};

/** A plain line when something ends, for logs. */
export function lineView(stream: TextStream, now: () => number): ProgressView {
  const items = new ProgressItems();
  const writeLine = (text: string) => stream.write(`${renderLine(text, { color: false })}\n`);
  return {
    ...silentView,
    event(event) {
      const item = items.add(event, now());
      if (event.kind === 'skip') writeLine(`${event.what}: ${event.reason}`);
      if (event.kind !== 'done' || item === undefined) return;
      const size = item.bytes > 0 ? `${formatBytes(item.bytes)} in ` : '';
      writeLine(`${item.what}: ${size}${formatDuration(now() - item.startedAt)}`);
    },
  };
}

const redrawMs = 100;

/** Bars at the end of the terminal, redrawn at most ten times a second. */
export function barView(stream: TextStream, now: () => number): ProgressView {
  const items = new ProgressItems();
  let drawnLines = 0;
  let timer: NodeJS.Timeout | undefined;
  const erase = (): void => {
    if (drawnLines > 0) stream.write(`\u001b[${drawnLines}A\u001b[J`);
    drawnLines = 0;
  };
  const draw = (): void => {
    const { columns = 80, rows = 24 } = stream;
    const lines = progressFrame(items, { columns, rows, now: now() });
    erase();
    if (lines.length > 0) stream.write(`${lines.join('\n')}\n`);
    drawnLines = lines.length;
    // Nothing to see: the next event starts the clock again.
    if (lines.length === 0) stop();
  };
  const stop = (): void => {
    clearInterval(timer);
    timer = undefined;
  };
  return {
    event(event) {
      items.add(event, now());
      timer ??= setInterval(draw, redrawMs).unref();
    },
    interrupt(write) {
      const wasDrawn = drawnLines > 0;
      erase();
      write();
      if (wasDrawn) draw();
    },
    end() {
      stop();
      erase();
    },
  };
}
