import type { Holding } from "../../../core/holdings.ts";
import type { Breaks } from "./breaks.ts";

/** Stores of which a copy would lack something, or which would mistake it. */
export const copyBreaks: Breaks = {
  "names the sessions of every project": [
    "keys",
    (s) => ({ keys: ({ project: _, ...p } = {}) => s.keys(p) }),
  ],
  "names only what a list shows": [
    "keys",
    (s) => ({
      keys: async (p) => {
        const shown = [];
        for (const key of await s.keys(p)) if ((await s.session(key)) !== null) shown.push(key);
        return shown;
      },
    }),
  ],
  "names sessions in the order of UTF-16": [
    "keys",
    (s) => ({
      keys: async (p) => [...(await s.keys(p))].sort((a, b) => (a.session < b.session ? -1 : 1)),
    }),
  ],
  "names the last session again": [
    "keys",
    (s) => ({
      keys: async (p = {}) => [...(p.after ? [p.after] : []), ...(await s.keys(p))].slice(0, p.limit ?? 100),
    }),
  ],
  "holds no usage": ["holdings", without("usage")],
  "holds no inputs": ["holdings", without("input")],
  "holds no audit": ["holdings", without("audit")],
  "holds no blobs": ["holdings", without("blob")],
  "holds no tombstones": ["holdings", without("tombstone")],
  "gives every title for the user's own": [
    "holdings",
    (s) => ({
      holdings: async (p) => {
        const page = await s.holdings(p);
        const mine = (one: Holding) => (one.kind === "row" ? { ...one, titleByUser: true } : one);
        return { ...page, holdings: page.holdings.map(mine) };
      },
    }),
  ],
  "gives every page from the start": [
    "holdings",
    (s) => ({ holdings: ({ cursor: _, ...p }) => s.holdings(p) }),
  ],
  "gives the first page alone": [
    "holdings",
    (s) => ({ holdings: async (p) => ({ holdings: (await s.holdings(p)).holdings }) }),
  ],
  "adopts inputs as if they were new": [
    "adopt",
    (s) => ({
      adopt: async ({ session, holdings }) => {
        for (const one of holdings)
          if (one.kind === "input") await s.admit({ session, key: one.input.key, body: one.input.body });
        return await s.adopt({ session, holdings });
      },
    }),
  ],
  "forgets the ids of inputs that are open there": [
    "adopt",
    (s) => ({
      adopt: ({ session, holdings }) =>
        s.adopt({
          session,
          holdings: holdings.filter((one) => one.kind !== "input" || one.input.state !== "queued"),
        }),
    }),
  ],
  "leaves what was given up as it is": [
    "adopt",
    (s) => ({
      adopt: async (p) => {
        const known = await s.inputs({ session: p.session, state: "abandoned" });
        const holdings = p.holdings.filter(
          (one) => one.kind !== "input" || !known.some(({ id }) => id === one.input.id),
        );
        return await s.adopt({ ...p, holdings });
      },
    }),
  ],
  "takes another history for that of what was given up": [
    "adopt",
    (s) => ({
      adopt: async (p) => {
        const done = await s.adopt(p);
        const isOther = p.holdings.some((one) => one.kind === "input" && one.input.updatedAtMs === 30);
        return isOther ? { adopted: 1 } : done;
      },
    }),
  ],
  "adopts no epoch": ["adopt", adoptsNo("epoch")],
  "adopts no audit": ["adopt", adoptsNo("audit")],
  "adopts no usage": ["adopt", adoptsNo("usage")],
  "adopts no tombstone": ["adopt", adoptsNo("tombstone")],
  "drops by a tombstone what began later": [
    "adopt",
    (s) => ({
      adopt: async (p) => {
        if (p.holdings.some(({ kind }) => kind === "tombstone") && (await s.session(p.session)) !== null)
          await s.drop({ session: p.session, actor: "x" });
        return await s.adopt(p);
      },
    }),
  ],
  "dates a drop anew": [
    "adopt",
    (s) => ({
      adopt: async (p) => {
        const tombstone = p.holdings.some(({ kind }) => kind === "tombstone");
        if (!tombstone) return await s.adopt(p);
        const { dropped } = await s.drop({ session: p.session, actor: "ann" });
        return { adopted: dropped ? 1 : 0 };
      },
    }),
  ],
  "says that all is new each time": [
    "adopt",
    (s) => ({
      adopt: async (p) => {
        await s.adopt(p);
        return { adopted: p.holdings.length };
      },
    }),
  ],
};

function without(kind: Holding["kind"]): Breaks[string][1] {
  return (s) => ({
    holdings: async (p) => {
      const page = await s.holdings(p);
      return { ...page, holdings: page.holdings.filter((one) => one.kind !== kind) };
    },
  });
}

function adoptsNo(kind: Holding["kind"]): Breaks[string][1] {
  return (s) => ({
    adopt: ({ session, holdings }) =>
      s.adopt({ session, holdings: holdings.filter((one) => one.kind !== kind) }),
  });
}
