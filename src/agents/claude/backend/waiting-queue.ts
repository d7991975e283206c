/** A queue with one reader, who waits for what comes next. */
export class WaitingQueue<Item> {
  #items: Item[] = [];
  #end: { readonly error?: unknown } | undefined;
  #wake: () => void = () => undefined;
  #isWaiting = false;
  #waitedFor: (() => void)[] = [];

  push(...items: readonly Item[]): void {
    this.#items.push(...items);
    this.#wake();
  }

  /** The same, before all that is there. */
  putBack(...items: readonly Item[]): void {
    this.#items.unshift(...items);
    this.#wake();
  }

  /** Nothing more comes; what is there is still read. With an error, the reader gets that behind it. */
  end(end: { readonly error?: unknown } = {}): void {
    this.#end ??= end;
    this.#wake();
  }

  /** Wakes the reader, who may have another reason to go on than a new item. */
  stir(): void {
    this.#wake();
  }

  /** Resolves once the reader has come back for more than what is there now. */
  async read(): Promise<void> {
    if (this.#items.length === 0 && this.#isWaiting) return;
    await new Promise<void>((resolve) => this.#waitedFor.push(resolve));
  }

  /** Takes out all that nobody has read. */
  drain(): Item[] {
    const items = this.#items;
    this.#items = [];
    return items;
  }

  /** The next item, or undefined at the end. @throws what it ended with, and what `check` throws whenever the reader is woken */
  async next(check: () => void = () => undefined): Promise<Item | undefined> {
    for (;;) {
      check();
      if (this.#items.length > 0) return this.#items.shift();
      if (this.#end !== undefined) {
        if ("error" in this.#end) throw this.#end.error;
        return undefined;
      }
      this.#isWaiting = true;
      for (const resolve of this.#waitedFor.splice(0)) resolve();
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#isWaiting = false;
    }
  }
}
