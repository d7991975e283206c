/** One way of doing the same work; `prepare` runs before each round and is not timed. */
export interface Contender {
  readonly name: string;
  readonly run: () => Promise<void> | void;
}

/** Times contenders interleaved, in a new order each round, after one warm-up of each; gives the medians in ms. */
export async function interleave(
  contenders: readonly Contender[],
  rounds: number,
): Promise<Map<string, number>> {
  const times = new Map(contenders.map(({ name }) => [name, [] as number[]]));
  for (const { run } of contenders) await run();
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, run } of shuffled(contenders)) {
      const start = performance.now();
      await run();
      times.get(name)!.push(performance.now() - start);
    }
  }
  return new Map([...times].map(([name, values]) => [name, median(values)]));
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

/** One line of the result table: our figure, the limit's, and the bar that was promised. */
export interface Row {
  readonly what: string;
  readonly ours: string;
  readonly limit: string;
  readonly ratio: string;
  readonly bar: string;
}

/** Prints rows as a Markdown table. */
export function printRows(rows: readonly Row[]): void {
  console.log("| what | ours | against | figure | must reach |\n| --- | --- | --- | --- | --- |");
  for (const row of rows)
    console.log(`| ${row.what} | ${row.ours} | ${row.limit} | ${row.ratio} | ${row.bar} |`);
}

/** Milliseconds with three significant digits. */
export function ms(value: number): string {
  return `${Number(value.toPrecision(3))} ms`;
}

/** In a new order. */
export function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, key: Math.random() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
