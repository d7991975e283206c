/** One thing that `doctor` looked at. Advice is no problem: nothing is lost yet. */
export interface Check {
  readonly check: string;
  readonly state: "ok" | "advice" | "problem";
  readonly message: string;
}
