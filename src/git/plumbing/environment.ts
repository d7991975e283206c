/** Variables as a process is given them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment for a git of our own: nothing in it leads to another repository, index or pathspec, and nobody is asked. */
export function gitEnvironment(base: Environment, further: Environment = {}): Record<string, string> {
  const clean: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...base, ...fixed }))
    if (value !== undefined && !steering.has(name)) clean[name] = value;
  for (const [name, value] of Object.entries(further)) if (value !== undefined) clean[name] = value;
  return clean;
}

// What `git rev-parse --local-env-vars` names and what else a git sets for its hooks; not the settings that its caller
// gave it (`git -c user.email=… commit`), which hold for the hook as well.
const steering: ReadonlySet<string> = new Set([
  "GIT_ALTERNATE_OBJECT_DIRECTORIES",
  "GIT_CONFIG",
  "GIT_OBJECT_DIRECTORY",
  "GIT_DIR",
  "GIT_WORK_TREE",
  "GIT_IMPLICIT_WORK_TREE",
  "GIT_GRAFT_FILE",
  "GIT_INDEX_FILE",
  "GIT_NO_REPLACE_OBJECTS",
  "GIT_REPLACE_REF_BASE",
  "GIT_PREFIX",
  "GIT_INTERNAL_SUPER_PREFIX",
  "GIT_SHALLOW_FILE",
  "GIT_COMMON_DIR",
  "GIT_NAMESPACE",
  "GIT_QUARANTINE_PATH",
  "GIT_REFLOG_ACTION",
  "GIT_LITERAL_PATHSPECS",
  "GIT_GLOB_PATHSPECS",
  "GIT_NOGLOB_PATHSPECS",
  "GIT_ICASE_PATHSPECS",
  "GIT_EDITOR",
  "LANGUAGE",
]);

// Messages are read in English; a status must not fight another git for the index.
const fixed = { LC_ALL: "C", GIT_TERMINAL_PROMPT: "0", GIT_OPTIONAL_LOCKS: "0" };
