/** The right to work on something until it is released. */
export type Turn = {
  /** Aborts when somebody else wants the turn. */
  readonly signal: AbortSignal;
  [Symbol.dispose](): void;
};

/**
 * Gives one request of this process at a time the turn on an upload, the newest: the older one is most often what
 * is left of a broken connection that the client has given up.
 */
export class Turns {
  readonly #active = new Map<
    string,
    { readonly controller: AbortController; readonly ended: Promise<void> }
  >();

  /** Waits until whoever had the turn has stopped. */
  async take(id: string): Promise<Turn> {
    for (;;) {
      const active = this.#active.get(id);
      if (active === undefined) break;
      active.controller.abort();
      await active.ended;
    }
    const controller = new AbortController();
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    this.#active.set(id, { controller, ended });
    return {
      signal: controller.signal,
      [Symbol.dispose]: () => {
        this.#active.delete(id);
        end();
      },
    };
  }
}
