import { once } from 'node:events';
import { openSync, writeSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { CliError } from '../cli-error.ts';

const maxCharacters = 1024;

export type AskOptions = { readonly signal: AbortSignal };

/**
 * Asks on the terminal that controls the process, whatever stdin and stdout are. Disposing gives the terminal back
 * as it was.
 */
export class TerminalPrompt implements Disposable {
  readonly #fd: number;
  readonly #input: ReadStream;
  #typed = '';

  /** @returns undefined if the process has no terminal */
  static open(): TerminalPrompt | undefined {
    try {
      return new TerminalPrompt(openSync('/dev/tty', 'r+'));
    } catch {
      return undefined;
    }
  }

  private constructor(fd: number) {
    this.#fd = fd;
    this.#input = new ReadStream(fd);
    this.#input.setEncoding('utf8').setRawMode(true);
    // Kept between questions: somebody may paste two answers at once.
    this.#input.on('data', (text) => {
      this.#typed += text;
    });
  }

  /**
   * Shows the question and reads one line, of which nothing is shown.
   *
   * @throws CliError CANCELLED on Ctrl-C and Ctrl-D; the signal's reason
   */
  async askSecret(question: string, options: AskOptions): Promise<string> {
    try {
      return await this.#ask(question, options);
    } finally {
      writeSync(this.#fd, '\n');
    }
  }

  /**
   * Shows the question and reads one line, which the terminal shows and lets its user edit.
   *
   * @throws as {@link askSecret}
   */
  async askText(question: string, options: AskOptions): Promise<string> {
    this.#input.setRawMode(false);
    try {
      return await this.#ask(question, options);
    } finally {
      this.#input.setRawMode(true);
    }
  }

  async #ask(question: string, { signal }: AskOptions): Promise<string> {
    signal.throwIfAborted();
    writeSync(this.#fd, question);
    for (;;) {
      const line = this.#takeLine();
      if (line !== undefined) return line;
      await once(this.#input, 'data', { signal });
    }
  }

  [Symbol.dispose](): void {
    this.#input.setRawMode(false);
    this.#input.destroy();
  }

  /** What was typed up to Enter, as a terminal would edit it; undefined as long as that is missing. */
  #takeLine(): string | undefined {
    let line = '';
    for (const [index, character] of [...this.#typed].entries()) {
      switch (character) {
        case '\r':
        case '\n':
          this.#typed = [...this.#typed].slice(index + 1).join('');
          return line;
        case '\u0003':
        case '\u0004':
          throw new CliError('CANCELLED', 'stopped at a question');
        case '\u007f':
        case '\b':
          line = [...line].slice(0, -1).join('');
          break;
        case '\u0015':
          line = '';
          break;
        default:
          line += character;
      }
    }
    if (line.length <= maxCharacters) return undefined;
    throw new CliError('USAGE', `what was typed is longer than the ${maxCharacters} characters allowed`);
  }
}
