import { type Fields, fieldsOf, textOf } from "../../../core/json.ts";

/** What an agent is at when no turn has it: its tasks in the background, and its answer to what one of them reports. */
export class BackgroundWork {
  #tasks = new Set<string>();
  #isAnswering = false;

  get isUnderWay(): boolean {
    return this.#isAnswering || this.#tasks.size > 0;
  }

  /** Takes each message of the process. */
  take(message: unknown): void {
    const fields = fieldsOf(message) ?? {};
    if (fields["type"] === "result") this.#isAnswering = false;
    if (fields["type"] === "system") this.#taskSaid(fields);
  }

  #taskSaid(fields: Fields): void {
    const { subtype, tasks, status } = fields;
    const patch = fieldsOf(fields["patch"]) ?? {};
    const id = idOf(fields);
    if (subtype === "task_started" && isWork(fields)) this.#tasks.add(id);
    if (subtype === "task_updated" && patch["is_backgrounded"] === true) this.#tasks.add(id);
    if (subtype === "task_updated" && hasEnded(patch["status"])) this.#tasks.delete(id);
    if (subtype === "task_notification") {
      this.#tasks.delete(id);
      // Of one that was stopped the model need not be told.
      this.#isAnswering ||= status !== "stopped";
    }
    // All that there are, where the release tells it.
    if (subtype === "background_tasks_changed" && Array.isArray(tasks))
      this.#tasks = new Set(tasks.map(fieldsOf).flatMap((task) => (task && isWork(task) ? idOf(task) : [])));
  }
}

// A watcher has no end, and a turn waits for what is in the foreground.
function isWork({ ambient, skip_transcript: isHidden, is_backgrounded: isBackground }: Fields): boolean {
  return ambient !== true && isHidden !== true && isBackground !== false;
}

function idOf(task: Fields): string {
  return textOf(task["task_id"]) ?? "";
}

function hasEnded(status: unknown): boolean {
  return status === "completed" || status === "failed" || status === "killed";
}
