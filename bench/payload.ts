/** Seeded transcript-like entries: median 1.25 KB, mean about 3.3 KB, long tail to 32 KB. */
export function makeEntries({ count, seed }: { readonly count: number; readonly seed: number }): object[] {
  const random = seededRandom(seed);
  const entries: object[] = [];
  let parentUuid: string | null = null;
  for (let index = 0; index < count; index += 1) {
    const uuid = uuidFrom(random);
    entries.push({
      parentUuid,
      isSidechain: false,
      userType: "external",
      cwd: "/home/dev/proj",
      sessionId: "5a4f2a52-62f0-4f0b-9a50-6a7c1c7f2d11",
      version: "2.1.329",
      type: index % 2 === 0 ? "user" : "assistant",
      message: {
        role: index % 2 === 0 ? "user" : "assistant",
        content: [{ type: "text", text: textOf(random) }],
      },
      uuid,
      timestamp: new Date(1_790_000_000_000 + index * 1000).toISOString(),
    });
    parentUuid = uuid;
  }
  return entries;
}

/** Entries as the store takes them. */
export function toInputs(entries: readonly object[]): { body: string; uuid: string }[] {
  return entries.map((entry) => ({ body: JSON.stringify(entry), uuid: (entry as { uuid: string }).uuid }));
}

/** A small deterministic generator (mulberry32), so that every contender gets the same bytes. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function uuidFrom(random: () => number): string {
  const hex = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}

const words =
  "the session log keeps every entry that an agent wrote while it read files ran tools and answered\n".split(
    " ",
  );

function textOf(random: () => number): string {
  const length = Math.min(32_000, Math.round(900 * Math.exp(1.35 * gaussian(random))));
  let text = "";
  while (text.length < length) text += `${words[Math.floor(random() * words.length)]} `;
  return text;
}

function gaussian(random: () => number): number {
  return Math.sqrt(-2 * Math.log(random() || 1e-9)) * Math.cos(2 * Math.PI * random());
}
