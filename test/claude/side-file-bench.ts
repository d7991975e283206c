import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, vi } from "vitest";
import { SideFiles } from "../../src/agents/claude/backend/side-files.ts";
import type { TurnStore } from "../../src/core/agent.ts";
import { fileEntry, fileLog, type SideFile } from "../../src/core/side-files.ts";
import type { Store } from "../../src/core/store.ts";
import { openMemoryStore } from "../../src/stores/memory/index.ts";

/** Whose files they are, in the store and at the SDK. */
export const session = { project: "team", session: "any name" };
export const sessionId = "0b7a4e0e-6f0c-4f2b-9c3e-2d3c5c1c9a11";

/** Gives each test that follows a store and folders of its own. */
export function sideFileBench(): SideFileBench {
  const bench = new SideFileBench();
  beforeEach(() => bench.begin());
  afterEach(() => bench.end());
  return bench;
}

interface Keeping {
  readonly run?: string;
  /** Whether the run's boundary publishes what was kept. */
  readonly isCommitted?: boolean;
  readonly from?: TurnStore;
}

class SideFileBench {
  folder = "";
  /** What the program takes for the system's temporary folder. */
  temporary = "";
  store!: Store;

  begin(): void {
    this.folder = mkdtempSync(join(tmpdir(), "holdfast-side-files-"));
    this.temporary = join(this.folder, "tmp");
    mkdirSync(this.temporary);
    vi.stubEnv("TMPDIR", this.temporary);
    this.store = openMemoryStore();
  }

  async end(): Promise<void> {
    vi.unstubAllEnvs();
    await this.store.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  config(name: string, lines: readonly object[] = firstLines, key = "-home-dev"): Config {
    return new Config(join(this.folder, name), lines, key);
  }

  /** What a turn keeps: files by their path, and what was said. */
  async keep(
    files: SideFiles,
    { onDisk }: Config,
    { run = "1", isCommitted = true, from = this.store }: Keeping = {},
  ): Promise<{ files: SideFile[]; notices: string[] }> {
    const kept: { files: SideFile[]; notices: string[] } = { files: [], notices: [] };
    for await (const step of files.keep({ turn: { session, run, store: from }, ...onDisk })) {
      if (step.kind === "file") kept.files.push(step.file);
      if (step.kind === "event" && step.event.type === "notice") kept.notices.push(step.event.text);
    }
    const entries = kept.files.map((file) => fileEntry({ run, file }));
    if (isCommitted && entries.length > 0)
      await this.store.append({ log: { ...session, log: fileLog }, entries });
    return kept;
  }

  /** A process on a machine that has nothing of the session but what the SDK writes there. */
  async resumed(name: string, lines: readonly object[] = firstLines) {
    const [config, files] = [this.config(name, lines, "-elsewhere"), new SideFiles(session)];
    await files.fetch(this.store);
    files.materialise(config.onDisk);
    return { config, files };
  }
}

const firstLines = [{ type: "user", uuid: "u1" }];

/** A config folder in which an agent has the session. */
class Config {
  readonly folder: string;
  readonly key: string;

  constructor(folder: string, lines: readonly object[], key: string) {
    this.folder = folder;
    this.key = key;
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    this.write(`projects/${key}/${sessionId}.jsonl`, text);
  }

  get onDisk(): { folder: string; sessionId: string } {
    return { folder: this.folder, sessionId };
  }

  at(path: string): string {
    return join(this.folder, path.replace(/^beside\//, `projects/${this.key}/${sessionId}/`));
  }

  write(path: string, text: string | Uint8Array): string {
    mkdirSync(dirname(this.at(path)), { recursive: true });
    writeFileSync(this.at(path), text);
    return this.at(path);
  }

  read(path: string): string {
    return readFileSync(this.at(path), "utf8");
  }
}
