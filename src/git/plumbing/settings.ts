import type { Repository } from "./repository.ts";

/** What git's own settings say of how it is to write. */
export interface Settings {
  /** `core.logAllRefUpdates`; undefined: where git does by itself. */
  readonly reflogs: "always" | "never" | "usual" | undefined;
  /** The file system takes names that differ in case for one. */
  readonly ignoreCase: boolean;
}

/** Reads the settings once, when they are first asked for. */
export function settingsReader(git: Repository["git"]): () => Promise<Settings> {
  let read: Promise<Settings> | undefined;
  return () => {
    read ??= readSettings(git);
    read.catch(() => {
      read = undefined;
    });
    return read;
  };
}

async function readSettings(git: Repository["git"]): Promise<Settings> {
  const { stdout } = await git(["config", "-z", "--get-regexp", "^core\\.(logallrefupdates|ignorecase)$"], {
    codes: [0, 1],
  });
  const values = new Map(
    stdout
      .toString()
      .split("\0")
      .map((line) => {
        const [key = "", value = "true"] = line.split("\n");
        return [key, value.toLowerCase()];
      }),
  );
  const reflogs = values.get("core.logallrefupdates");
  return {
    reflogs:
      reflogs === undefined
        ? undefined
        : reflogs === "always"
          ? "always"
          : isTrue(reflogs)
            ? "usual"
            : "never",
    ignoreCase: isTrue(values.get("core.ignorecase") ?? "false"),
  };
}

function isTrue(value: string): boolean {
  return ["true", "yes", "on", "1"].includes(value);
}
