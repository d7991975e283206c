import { readFileSync } from "node:fs";
import type { PriceRow } from "../core/price-table.ts";
import { parsePrices, priceOf } from "../core/prices.ts";
import type { PriceOf } from "../runtime/run-events.ts";
import { shown, usage } from "./arguments.ts";
import { configuredPrices } from "./config.ts";

/** The option of a command that counts what was used. */
export interface PricesOption {
  readonly prices?: string;
}

/** The user's own prices: the option's, else the config file's, else none. @throws usage */
export function ownPrices({ prices }: PricesOption): readonly PriceRow[] | undefined {
  const path = prices ?? configuredPrices();
  return path === undefined ? undefined : parsePrices(textOf(path));
}

/** What a response costs by the user's own prices and the bundled ones. @throws usage */
export function pricer(options: PricesOption): PriceOf {
  const table = ownPrices(options);
  return (row) => priceOf({ ...row, table });
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
    throw usage(
      `The price table ${shown(path)} cannot be read${code}.`,
      "Name a readable file of JSON, or leave it out.",
    );
  }
}
