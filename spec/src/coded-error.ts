/** What an error may carry besides its code and message. */
export type CodedErrorOptions = {
  /** What the reader can do next; one sentence, printed below the message. */
  readonly hint?: string;
  /** The error that led to this one. */
  readonly cause?: unknown;
};

/**
 * Base of every error that this project throws on purpose: a stable code for programs, a message for people
 * that says what was tried and on which value, and optionally a hint. Each package has one subclass with a
 * closed union of codes.
 */
export abstract class CodedError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly hint: string | undefined;

  constructor(code: Code, message: string, options: CodedErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}
