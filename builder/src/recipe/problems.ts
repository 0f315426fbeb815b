import { BuilderError, type BuilderErrorCode } from '../builder-error.ts';
import type { Position } from './located.ts';

export type Problem = {
  readonly code: BuilderErrorCode;
  readonly position: Position;
  readonly message: string;
};

const mostShown = 10;

/** What is wrong with one file, collected so that its author sees everything at once. */
export class Problems {
  readonly #file: string;
  readonly #problems: Problem[] = [];

  /** @param file how messages name the file */
  constructor(file: string) {
    this.#file = file;
  }

  add(position: Position, message: string, code: BuilderErrorCode = 'RECIPE_INVALID'): void {
    this.#problems.push({ code, position, message });
  }

  get isEmpty(): boolean {
    return this.#problems.length === 0;
  }

  /** @throws BuilderError with the code of the first problem and a line `file:line:column: …` for each */
  throwIfAny(): void {
    const [first] = this.#problems.sort(byPosition);
    if (first === undefined) return;
    const lines = this.#problems.slice(0, mostShown).map(({ position, message }) => {
      return `${this.#file}:${position.line}:${position.column}: ${message}`;
    });
    const left = this.#problems.length - lines.length;
    if (left > 0) lines.push(`${this.#file}: and ${left} more`);
    throw new BuilderError(first.code, lines.join('\n'));
  }
}

function byPosition({ position: a }: Problem, { position: b }: Problem): number {
  return a.line - b.line || a.column - b.column;
}
