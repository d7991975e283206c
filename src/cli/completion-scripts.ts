/** A command as a shell completes it. */
export interface Verb {
  readonly name: string;
  readonly description: string;
  readonly takesSession: boolean;
  readonly options: readonly Flag[];
}

interface Flag {
  readonly short?: string;
  readonly long: string;
  readonly description: string;
  readonly takesValue: boolean;
}

/** For bash, 3.2 or newer. Ids are read line by line, never through `compgen -W`, which would expand them. */
export function bashScript(verbs: readonly Verb[]): string {
  const cases = verbs.map(
    ({ name, options }) => `    ${name}) words="${options.map(({ long }) => long).join(" ")}" ;;`,
  );
  const withValue = uniqueFlags(verbs).filter(({ takesValue }) => takesValue);
  const patterns = withValue.flatMap(({ short, long }) => (short === undefined ? [long] : [short, long]));
  return `_holdfast() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local verb="" words="" at id
  local -a store=()
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD; at++)); do
    case "\${COMP_WORDS[at]}" in
    --store) at=$((at + 1)); store=(--store "\${COMP_WORDS[at]}") ;;
    -*) ;;
    *) verb="\${verb:-\${COMP_WORDS[at]}}" ;;
    esac
  done
  case "$previous" in
  --format) COMPREPLY=($(compgen -W "jsonl markdown" -- "$current")); return ;;
  ${patterns.join("|")}) return ;;
  esac
  case "$verb" in
    "") words="${verbs.map(({ name }) => name).join(" ")} --store --version --help" ;;
    completion) words="bash zsh fish" ;;
${cases.filter((line) => !line.startsWith("    completion)")).join("\n")}
  esac
  if [ "\${current#-}" = "$current" ]; then
    case "$verb" in
    ${sessionVerbs(verbs).join("|")})
      while IFS=$'\\t' read -r id _; do
        COMPREPLY+=("$id")
      done < <("$1" \${store[@]+"\${store[@]}"} complete-session -- "$current" 2>/dev/null)
      return ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _holdfast holdfast
`;
}

/** For zsh; works from a file in \`fpath\` and from \`eval\`. */
export function zshScript(verbs: readonly Verb[]): string {
  const commands = verbs.map(({ name, description }) => `    ${quoted(`${name}:${description}`)}`);
  const cases = verbs.map(({ name, options, takesSession }) => {
    const flags = options.map(zshFlag);
    const operand = takesSession ? quoted("1:session:_holdfast_sessions") : operandOf(name);
    return `    ${name}) _arguments ${[...flags, ...(operand === "" ? [] : [operand])].join(" ")} ;;`;
  });
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
${commands.join("\n")}
  )
  if (( CURRENT == 2 )); then _describe command commands; return; fi
  local name="$words[2]"
  shift words; (( CURRENT -= 1 ))
  case "$name" in
${cases.join("\n")}
  esac
}
compdef _holdfast holdfast
`;
}

/** For fish, 3.0 or newer. */
export function fishScript(verbs: readonly Verb[]): string {
  const lines = verbs.flatMap(({ name, description, options }) => [
    `complete -c holdfast -n __fish_use_subcommand -f -a ${name} -d ${quoted(description)}`,
    ...options.map((flag) => `complete -c holdfast -n ${within([name])} ${fishFlag(flag)}`),
  ]);
  const ids = "(holdfast complete-session -- (commandline -ct) 2>/dev/null)";
  return `${lines.join("\n")}
complete -c holdfast -n ${within(sessionVerbs(verbs))} -f -a ${quoted(ids)}
complete -c holdfast -n ${within(["completion"])} -f -a 'bash zsh fish'
`;
}

function sessionVerbs(verbs: readonly Verb[]): string[] {
  return verbs.filter(({ takesSession }) => takesSession).map(({ name }) => name);
}

function uniqueFlags(verbs: readonly Verb[]): readonly Flag[] {
  return [...new Map(verbs.flatMap(({ options }) => options).map((flag) => [flag.long, flag])).values()];
}

function operandOf(verb: string): string {
  return verb === "completion" ? quoted("1:shell:(bash zsh fish)") : "";
}

function zshFlag({ long, description, takesValue }: Flag): string {
  const told = `${long}[${description.replace(/[[\]\\:]/g, "\\$&")}]`;
  return quoted(takesValue ? `${told}:${long.slice(2)}:${zshAction(long)}` : told);
}

function zshAction(long: string): string {
  if (long === "--format") return "(jsonl markdown)";
  if (long === "--config-dir" || long === "--folder") return "_files -/";
  return fileFlags.has(long) ? "_files" : "";
}

function fishFlag({ short, long, description, takesValue }: Flag): string {
  const names = `${short === undefined ? "" : `-s ${short.slice(1)} `}-l ${long.slice(2)}`;
  const value = !takesValue
    ? ""
    : fileFlags.has(long)
      ? " -r -F"
      : long === "--format"
        ? " -x -a 'jsonl markdown'"
        : " -x";
  return `${names}${value} -d ${quoted(description)}`;
}

function within(verbs: readonly string[]): string {
  return quoted(`__fish_seen_subcommand_from ${verbs.join(" ")}`);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "")}'`;
}

const fileFlags: ReadonlySet<string> = new Set(["--store", "--output", "--folder", "--config-dir"]);
