import { isHoldfastError } from "../../core/errors.ts";
import type { Repository } from "../plumbing/repository.ts";
import { destinationOf } from "./destination.ts";
import { type PushReport, pushWaiting } from "./push.ts";

/** What is done beside the user's own push. */
export type BesidePush =
  | { readonly kind: "pushed"; readonly report: PushReport }
  /** Checkpoints do not go with this push, and nothing is to be done later. */
  | { readonly kind: "none"; readonly why: "local-only" | "no-remote" | "another-remote" }
  /** Nothing could be done now; what waits waits on. */
  | { readonly kind: "failed"; readonly reason: string };

/**
 * Pushes what waits beside the user's own push, which it never fails and delays by `timeoutMs` at most. Checkpoints go
 * with a push to their own remote alone; to one that `holdfast.remote` names for them they go with every push.
 */
export async function pushBeside({
  repository,
  pushedTo,
  timeoutMs = 5000,
  signal,
}: BesideParams): Promise<BesidePush> {
  try {
    const destination = await destinationOf(repository);
    if (destination.kind === "local-only") return { kind: "none", why: "local-only" };
    if (destination.kind === "none") return { kind: "none", why: "no-remote" };
    if (!destination.isDedicated && destination.name !== pushedTo)
      return { kind: "none", why: "another-remote" };
    const report = await pushWaiting({ repository, remote: destination.name, timeoutMs, signal });
    return { kind: "pushed", report };
  } catch (error) {
    return { kind: "failed", reason: isHoldfastError(error) ? error.message : String(error) };
  }
}

export interface BesideParams {
  readonly repository: Repository;
  /** The remote's name, or the URL where it has none: the first argument of the hook pre-push. */
  readonly pushedTo: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}
