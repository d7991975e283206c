import { describe, test } from "vitest";
import { storeSuite } from "../../testing/store-suite/index.ts";
import { openMemoryStore } from "./index.ts";

describe("the memory store", () => {
  storeSuite({ runner: { describe, test }, open: async (options) => openMemoryStore(options) });
});
