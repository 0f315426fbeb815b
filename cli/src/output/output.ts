import type { ProgressListener } from '@img/spec/progress';
import { type Environment, variable } from '../environment.ts';
import { jsonText } from './json-text.ts';
import { barView, lineView, type ProgressView, silentView, type TextStream } from './progress-view.ts';
import { type Line, renderLine, segmentsOf, yellow } from './text.ts';

/** How much is printed, and how; from the options that every command has. */
export type OutputOptions = {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  /** False for `--no-progress`. */
  readonly progress?: boolean;
};

export type Streams = { readonly stdout: TextStream; readonly stderr: TextStream };

/**
 * Where a command prints: its result to stdout, everything else to stderr. Text from outside can go in
 * unescaped; none of it reaches a terminal as more than text.
 */
export class Output {
  readonly isVerbose: boolean;
  /** Whether results are one JSON document. */
  readonly isJson: boolean;
  /** Draws what libraries report. */
  readonly progress: ProgressListener;
  readonly #isQuiet: boolean;
  readonly #isWatched: boolean;
  readonly #streams: Streams;
  readonly #view: ProgressView;
  readonly #isColored: (stream: TextStream) => boolean;

  constructor(streams: Streams, environment: Environment, options: OutputOptions = {}) {
    this.#streams = streams;
    this.isVerbose = options.verbose === true;
    this.isJson = options.json === true;
    this.#isQuiet = options.quiet === true;
    this.#isWatched = isTerminal(streams.stderr, environment);
    this.#isColored = (stream) => {
      return isTerminal(stream, environment) && variable(environment, 'NO_COLOR') === undefined;
    };
    this.#view = viewFor(streams.stderr, environment, options);
    this.progress = (event) => {
      if (event.kind === 'note') this.story(event.text);
      else this.#view.event(event);
    };
  }

  /** Prints what the command was asked for; the lines are only made if people read them. */
  result(document: unknown, lines: () => readonly Line[]): void {
    if (this.isJson) this.#streams.stdout.write(`${jsonText(document)}\n`);
    else this.print(lines());
  }

  /** Prints lines to stdout, for results that have no other form. */
  print(lines: readonly Line[]): void {
    this.#write(this.#streams.stdout, lines);
  }

  /** Prints a text as it is, byte for byte; on a terminal it is escaped like any other. */
  raw(text: string): void {
    const { stdout } = this.#streams;
    if (stdout.isTTY === true) this.print(text.split('\n'));
    else this.#view.interrupt(() => stdout.write(text));
  }

  /** Passes on what an app wrote, as if it wrote it here; like `img run`, it leaves every byte as it is. */
  pass(bytes: Uint8Array, stream: 'stdout' | 'stderr'): void {
    this.#streams[stream].write(bytes);
  }

  /** Tells what happens; nothing that a program would need. */
  story(...lines: readonly Line[]): void {
    if (!this.#isQuiet) this.#write(this.#streams.stderr, lines);
  }

  /** Tells what a person in front of a terminal likes to see, and what would only be in the way of a program. */
  remark(...lines: readonly Line[]): void {
    if (this.isVerbose || this.#isWatched) this.story(...lines);
  }

  /** Tells what only somebody who looks for a fault wants to know. */
  detail(...lines: readonly Line[]): void {
    if (this.isVerbose) this.#write(this.#streams.stderr, lines);
  }

  /** Tells what must not be missed, also when quiet. */
  warn(line: Line): void {
    this.#write(this.#streams.stderr, [[yellow('warning: '), ...segmentsOf(line)]]);
  }

  /** Prints to stderr whatever was asked for. */
  error(lines: readonly Line[]): void {
    this.#write(this.#streams.stderr, lines);
  }

  /** Ends the drawing of progress. */
  end(): void {
    this.#view.end();
  }

  #write(stream: TextStream, lines: readonly Line[]): void {
    const color = this.#isColored(stream);
    const text = lines.map((line) => `${renderLine(line, { color })}\n`).join('');
    this.#view.interrupt(() => stream.write(text));
  }
}

function viewFor(stderr: TextStream, environment: Environment, options: OutputOptions): ProgressView {
  const now = (): number => performance.now();
  if (options.quiet === true || options.progress === false) return silentView;
  if (isTerminal(stderr, environment)) return barView(stderr, now);
  // Where nobody watches, a line for each step is worth it only in a log that somebody reads afterwards.
  const isLog = options.verbose === true || variable(environment, 'CI') !== undefined;
  return isLog ? lineView(stderr, now) : silentView;
}

function isTerminal({ isTTY }: TextStream, environment: Environment): boolean {
  return isTTY === true && variable(environment, 'TERM') !== 'dumb';
}
