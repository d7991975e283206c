import type { Layout } from "../checkpoint-store.ts";
import { type Finding, type FindingCode, findingOf, type Severity } from "../format/findings.ts";

/** A finding, and of what. */
export interface CheckpointFinding extends Finding {
  /** Absent where it is of no layout, such as a commit's. */
  readonly layout?: Layout;
  /** The checkpoint; absent where it is of none. */
  readonly id?: string;
}

/** Collects findings; of a hostile repository's endless ones only the first are kept, and all are counted. */
export class Found {
  readonly findings: CheckpointFinding[] = [];
  readonly counts: Record<Severity, number> = { error: 0, warning: 0, note: 0 };

  add(code: FindingCode, at: FoundAt, sentence: string): void {
    const { where, ...rest } = at;
    this.keep({ ...findingOf(code, where, sentence), ...rest });
  }

  keep(finding: CheckpointFinding): void {
    this.counts[finding.severity] += 1;
    if (this.findings.length < maxFindings) this.findings.push(finding);
  }
}

export interface FoundAt {
  readonly where: string;
  readonly layout?: Layout;
  readonly id?: string;
}

const maxFindings = 10_000;
