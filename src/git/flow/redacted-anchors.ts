import type { Commit, ObjectId } from "../plumbing/objects.ts";
import type { Anchor } from "../reading/anchors.ts";
import { computeAnchors } from "../reading/commit-anchors.ts";
import type { FlowContext } from "./flow-context.ts";

/** The anchors of commits as checkpoints keep them: of the message the first line, redacted. */
export async function redactedAnchors(
  { repository, redactor }: Pick<FlowContext, "repository" | "redactor">,
  commits: readonly (Pick<Commit, "tree" | "parents" | "message"> & { readonly id: ObjectId })[],
): Promise<readonly Anchor[]> {
  return await computeAnchors(
    repository,
    commits.map(({ message, ...commit }) => {
      const [subject = ""] = message.trimStart().split("\n", 1);
      return { ...commit, subject: redactor.text(subject) };
    }),
  );
}
