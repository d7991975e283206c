import type { Fault } from "./faults.ts";
import type { Effect } from "./simulation.ts";

/** Which fault struck. */
export function said(fault: Fault | undefined): string {
  return fault === undefined ? "" : `  <== ${fault.toUpperCase()}`;
}

/** What a call gave. */
export function outcomeOf({ result, error }: Effect): string {
  if (error !== undefined) return `=> ${(error as { code?: string }).code ?? (error as Error).message}`;
  return `=> ${short(result)}`;
}

/** What a call asked. */
export function detailOf(params: unknown): string {
  return params === undefined ? "" : ` ${short(params)}`;
}

// What a reader of a trace needs, and no more.
function short(value: unknown): string {
  const text = JSON.stringify(value, (name, part: unknown) =>
    untold.has(name) ? undefined : shortText(part),
  );
  if (text === undefined) return "nothing";
  const plain = text.replaceAll('"', "");
  return plain.length > 300 ? `${plain.slice(0, 300)}…` : plain;
}

function shortText(part: unknown): unknown {
  if (typeof part !== "string") return part;
  const type = /"type":"(\w+)"/.exec(part)?.[1];
  if (part.startsWith("{")) return type === undefined ? part.replaceAll('"', "") : `(${type})`;
  return part.length > 30 ? `${part.slice(0, 8)}…` : part;
}

const untold: ReadonlySet<string> = new Set([
  ...[
    "project",
    "provider",
    "providers",
    "owner",
    "worker",
    "sinceMs",
    "atMs",
    "admittedAtMs",
    "updatedAtMs",
  ],
  ...["startedAtMs", "uuid", "reopen", "priority", "resumeToken", "actor"],
]);
