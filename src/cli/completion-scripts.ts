/** A command as a shell completes it. */
export interface Verb {
  readonly name: string;
  readonly description: string;
  readonly takesSession: boolean;
  readonly options: readonly Flag[];
  /** The commands below it. */
  readonly verbs: readonly Verb[];
}

interface Flag {
  readonly short?: string;
  readonly long: string;
  readonly description: string;
  readonly takesValue: boolean;
  /** The values to offer, if they are known. */
  readonly choices: readonly string[];
}

/** For bash, 3.2 or newer. Ids are read line by line, never through `compgen -W`, which would expand them. */
export function bashScript(verbs: readonly Verb[]): string {
  const all = withPaths(verbs);
  const groups = verbs.filter((verb) => verb.verbs.length > 0).map(({ name }) => name);
  const cases = all.map(({ path, verb }) => `    '${path}') words="${bashWords(verb)}" ;;`);
  const flags = uniqueFlags(verbs).filter(({ takesValue }) => takesValue);
  const chosen = flags.filter(({ choices }) => choices.length > 0);
  const free = flags.filter(({ long, choices }) => choices.length === 0 && long !== "--session");
  const sessions = all.filter(({ verb }) => verb.takesSession).map(({ path }) => `'${path}'`);
  return `_holdfast() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local verb="" words="" ids="" at id
  local -a store=()
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD; at++)); do
    case "\${COMP_WORDS[at]}" in
    --store) at=$((at + 1)); store=(--store "\${COMP_WORDS[at]}") ;;
    -*) ;;
    *)
      case "$verb" in
      "") verb="\${COMP_WORDS[at]}" ;;
      ${groups.join("|")}) verb="$verb \${COMP_WORDS[at]}" ;;
      esac ;;
    esac
  done
  case "$previous" in
${chosen.map((flag) => `  ${namesOf(flag)}) COMPREPLY=($(compgen -W "${flag.choices.join(" ")}" -- "$current")); return ;;`).join("\n")}
  --session) ids=1 ;;
  ${free.map(namesOf).join("|")}) return ;;
  esac
  case "$verb" in
    "") words="${verbs.map(({ name }) => name).join(" ")} --store --version --help" ;;
${cases.join("\n")}
  esac
  if [ "\${current#-}" = "$current" ]; then
    case "$verb" in
    ${sessions.join("|")}) ids=1 ;;
    esac
  fi
  if [ -n "$ids" ]; then
    while IFS=$'\\t' read -r id _; do
      COMPREPLY+=("$id")
    done < <("$1" \${store[@]+"\${store[@]}"} complete-session -- "$current" 2>/dev/null)
    return
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _holdfast holdfast
`;
}

/** For zsh; works from a file in \`fpath\` and from \`eval\`. */
export function zshScript(verbs: readonly Verb[]): string {
  const groups = verbs.filter((verb) => verb.verbs.length > 0);
  const inside = groups.flatMap((group) =>
    group.verbs.map((verb) => `    '${group.name} ${verb.name}') ${zshArguments(verb)} ;;`),
  );
  const lists = groups.map(
    (group) => `    ${group.name}) commands=(${zshCommands(group.verbs).join(" ")}) ;;`,
  );
  const cases = verbs
    .filter((verb) => verb.verbs.length === 0)
    .map((verb) => `    ${verb.name}) ${zshArguments(verb)} ;;`);
  return `#compdef holdfast
_holdfast_sessions() {
  local -a ids store
  local at=\${words[(I)--store]}
  (( at )) && store=(--store "\${(Q)words[at+1]}")
  ids=(\${\${(f)"$(holdfast $store complete-session -- "$PREFIX" 2>/dev/null)"}%%$'\\t'*})
  compadd -a ids
}
_holdfast() {
  local -a commands=(
${zshCommands(verbs)
  .map((line) => `    ${line}`)
  .join("\n")}
  )
  if (( CURRENT == 2 )); then _describe command commands; return; fi
  local name="$words[2]"
  shift words; (( CURRENT -= 1 ))
  case "$name" in
  ${groups.map(({ name }) => name).join("|")})
    case "$name" in
${lists.join("\n")}
    esac
    if (( CURRENT == 2 )); then _describe command commands; return; fi
    name="$name $words[2]"
    shift words; (( CURRENT -= 1 )) ;;
  esac
  case "$name" in
${[...cases, ...inside].join("\n")}
  esac
}
compdef _holdfast holdfast
`;
}

/** For fish, 3.0 or newer. */
export function fishScript(verbs: readonly Verb[]): string {
  const ids = quoted("(holdfast complete-session -- (commandline -ct) 2>/dev/null)");
  const groups = verbs.filter((verb) => verb.verbs.length > 0).map(({ name }) => name);
  // Without it `list` would also mean the one of `runs list`.
  const top = `not __fish_seen_subcommand_from ${groups.join(" ")}; and `;
  const lines = verbs.flatMap((verb) => [
    `complete -c holdfast -n __fish_use_subcommand -f -a ${verb.name} -d ${quoted(verb.description)}`,
    ...fishVerb(verb, `${verb.verbs.length > 0 ? "" : top}__fish_seen_subcommand_from ${verb.name}`, ids),
    ...verb.verbs.flatMap((below) => fishBelow(verb, below, ids)),
  ]);
  return `${lines.join("\n")}
complete -c holdfast -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'
`;
}

function fishBelow(group: Verb, verb: Verb, ids: string): string[] {
  const inGroup = `__fish_seen_subcommand_from ${group.name}`;
  const before = `${inGroup}; and not __fish_seen_subcommand_from ${group.verbs.map(({ name }) => name).join(" ")}`;
  return [
    `complete -c holdfast -n ${quoted(before)} -f -a ${verb.name} -d ${quoted(verb.description)}`,
    ...fishVerb(verb, `${inGroup}; and __fish_seen_subcommand_from ${verb.name}`, ids),
  ];
}

function fishVerb(verb: Verb, condition: string, ids: string): string[] {
  const within = `complete -c holdfast -n ${quoted(condition)}`;
  return [
    ...verb.options.map((flag) => `${within} ${fishFlag(flag, ids)}`),
    ...(verb.takesSession ? [`${within} -f -a ${ids}`] : []),
  ];
}

interface NamedVerb {
  /** Its words, such as `runs list`. */
  readonly path: string;
  readonly verb: Verb;
}

function withPaths(verbs: readonly Verb[]): NamedVerb[] {
  return verbs.flatMap((verb) => [
    { path: verb.name, verb },
    ...verb.verbs.map((below) => ({ path: `${verb.name} ${below.name}`, verb: below })),
  ]);
}

function bashWords({ name, options, verbs }: Verb): string {
  if (name === "completion") return shells;
  return [...verbs.map((verb) => verb.name), ...options.map(({ long }) => long)].join(" ");
}

function namesOf({ short, long }: Flag): string {
  return short === undefined ? long : `${short}|${long}`;
}

function uniqueFlags(verbs: readonly Verb[]): readonly Flag[] {
  const flags = withPaths(verbs).flatMap(({ verb }) => verb.options);
  const unique = new Map<string, Flag>();
  for (const flag of flags) {
    const choices = [...new Set([...(unique.get(flag.long)?.choices ?? []), ...flag.choices])];
    unique.set(flag.long, { ...flag, choices });
  }
  return [...unique.values()];
}

function zshCommands(verbs: readonly Verb[]): string[] {
  return verbs.map(({ name, description }) => quoted(`${name}:${description}`));
}

function zshArguments({ name, options, takesSession }: Verb): string {
  const operand = takesSession ? quoted("1:session:_holdfast_sessions") : operandOf(name);
  return ["_arguments", ...options.map(zshFlag), ...(operand === "" ? [] : [operand])].join(" ");
}

function operandOf(verb: string): string {
  return verb === "completion" ? quoted(`1:shell:(${shells})`) : "";
}

function zshFlag(flag: Flag): string {
  const { long, description, takesValue } = flag;
  const told = `${long}[${description.replace(/[[\]\\:]/g, "\\$&")}]`;
  return quoted(takesValue ? `${told}:${long.slice(2)}:${zshAction(flag)}` : told);
}

function zshAction({ long, choices }: Flag): string {
  // A colon would part the action.
  if (choices.length > 0) return `(${choices.map((choice) => choice.replaceAll(":", "\\:")).join(" ")})`;
  if (long === "--session") return "_holdfast_sessions";
  if (long === "--config-dir" || long === "--folder") return "_files -/";
  return fileFlags.has(long) ? "_files" : "";
}

function fishFlag(flag: Flag, ids: string): string {
  const { short, long, description } = flag;
  const names = `${short === undefined ? "" : `-s ${short.slice(1)} `}-l ${long.slice(2)}`;
  return `${names}${fishValue(flag, ids)} -d ${quoted(description)}`;
}

function fishValue({ long, takesValue, choices }: Flag, ids: string): string {
  if (!takesValue) return "";
  if (fileFlags.has(long)) return " -r -F";
  if (long === "--session") return ` -x -a ${ids}`;
  return choices.length === 0 ? " -x" : ` -x -a ${quoted(choices.join(" "))}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "")}'`;
}

const shells = "bash zsh fish";
const fileFlags: ReadonlySet<string> = new Set([
  "--store",
  "--output",
  "--folder",
  "--config-dir",
  "--prices",
]);
