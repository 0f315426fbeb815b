/** Work that several ask for at the same time and that is done once for all of them. */
export class SharedWork {
  readonly #running = new Map<string, Promise<unknown>>();

  /**
   * Does the work, or waits for the one of the same name that is under way; a name always has the same type.
   *
   * @param isOver resolves when the same result is no longer given to others; by default that is at once
   */
  async run<T>(
    name: string,
    work: () => Promise<T>,
    isOver: (result: T) => Promise<unknown> = () => Promise.resolve(),
  ): Promise<T> {
    const running = this.#running.get(name) as Promise<T> | undefined;
    if (running !== undefined) return running;
    const begun = work();
    this.#running.set(name, begun);
    const forget = () => this.#running.delete(name);
    void begun.then(isOver).then(forget, forget);
    return begun;
  }
}
