import { entireMarker } from "./hook-scripts.ts";

// What is not to be touched: git copies the messages of these itself.
const readMessage = String.raw`file=$1
source=$2
[ ! -s "$note" ] || : > "$note"
[ ! -f "$note.template" ] || rm -f "$note.template"
[ "$source" != merge ] || exit 0
for one in MERGE_HEAD CHERRY_PICK_HEAD REVERT_HEAD rebase-merge rebase-apply sequencer; do
  there $one && exit 0
done
has=0 asks=0 words=
marks=$(grep -hs -e '^Entire-Checkpoint:' -e '^Agent-Session:' -e '^This reverts commit ' -e '^# ${entireMarker}' "$file" "$hooks/prepare-commit-msg" "$hooks/prepare-commit-msg".pre-*)
case $marks in *Entire-Checkpoint:*) has=1 ;; esac
case $source$marks in message* | commit*Entire-Checkpoint:* | commit*Agent-Session:*) asks=1 ;; esac
ids= sessions= inherited= minted= stamp=

# Those of these words that git, or the git that started it, was called with.
called() {
  if [ -r "/proc/$1/cmdline" ]; then
    words=$(grep -zx -e revert -e --amend -e --amen -e --ame -e --am -e --cleanup=verbatim "/proc/$1/cmdline")
  else
    words=$(ps -o args= -p "$1")
  fi
}

parent() {
  if read -r stat < "/proc/$1/stat"; then
    set -- ${"${stat##*) }"}
    parent=$2
  else
    parent=$(ps -o ppid= -p "$1")
  fi
}

{
  [ $asks = 0 ] || called "$caller"
  case $marks in
  *'This reverts commit '*)
    case $words in *revert*) exit 0 ;; esac
    parent "$caller"
    called "$parent"
    case $words in *revert*) exit 0 ;; esac
    ;;
  esac
} 2> /dev/null

`;

// `--amend -m` comes as any other message does, and `-C` as `--amend` does: only the arguments of git tell it.
const restore = String.raw`take() {
  while read -r key value rest; do
    case $value in *[!A-Za-z0-9._-]* | '') continue ;; esac
    case $key in
    Entire-Checkpoint:) ids="$ids $value" inherited="$inherited $value" ;;
    Agent-Session:) sessions="$sessions $value" ;;
    esac
  done
}

staged() {
  git -c core.quotePath=true -c diff.relative=false diff --cached --name-only --no-renames --no-color --no-ext-diff 2>/dev/null
}

# Mode, blob and path of each.
blobs() {
  git -c core.quotePath=true -c diff.relative=false diff --cached --raw --no-abbrev --no-renames --no-color --no-ext-diff 2>/dev/null |
    sed 's/^:[0-7]* \([0-7]*\) [0-9a-f]* \([0-9a-f]*\) [A-Z]./\1 \2 /'
}

restored=0
case $source$asks$words in
message*--am*)
  take <<END
$(git -c log.showSignature=false log -1 --format='%(trailers:only,unfold)' 2>/dev/null)
END
  [ -z "$ids$sessions" ] || restored=1
  ;;
commit1*--am*) exit 0 ;;
commit1*)
  # What that commit was is only linked: new work is stamped anew.
  take <<END
$marks
END
  has=0
  ;;
esac

`;

// What needs more than a line of shell, and is seldom: the program is started only where there is something to find.
const inherit = String.raw`if [ $restored = 0 ]; then
  ask=
  if [ -f "$dir/SQUASH_MSG" ] && grep -q -e '^ *Entire-Checkpoint:' -e '^ *Agent-Session:' "$dir/SQUASH_MSG"; then
    ask=squash
  elif { [ -f "$dir/logs/HEAD" ] || [ -d "$common/reftable" ]; } && there ORIG_HEAD; then
    # What was found out about a reset holds until the next one; then only for what it dropped it is asked again.
    if [ -f "$dir/ORIG_HEAD" ] && [ "$note.dropped" -nt "$dir/ORIG_HEAD" ]; then
      [ ! -s "$note.dropped" ] || ! blobs | grep -qxF -f "$note.dropped" || ask=reset
    else
      ask=reset
    fi
  fi
  if [ -n "$ask" ]; then
    take <<END
$("$own/bin/holdfast" git hook inherited $ask "$dir" "$note" < /dev/null 2>/dev/null)
END
  fi

`;

// The sessions whose files are staged, and the one that the commit's process belongs to; all with one look at one file.
// Of other worktrees only sessions at work count: the one whose process this is, or else the only one that an agent can be.
const find = String.raw`  if [ -s "$own/linkable" ]; then
    stamp=$(date +%s%N)
    case $stamp in *N) stamp=${"${stamp%N}"}000000000 ;; esac
    agent=0
    { [ -z "$CLAUDECODE" ] && { true < /dev/tty; } 2>/dev/null; } || agent=1
    found=$(staged | LC_ALL=C awk -v now="${"${stamp%?????????}"}" -v tree="$tree" -v agent=$agent -v claude="$CLAUDECODE" -v pid="$caller" '
        BEGIN {
          while (pid > 1 && (getline stat < ("/proc/" pid "/stat")) > 0) {
            sub(/^.*\) /, "", stat)
            split(stat, field, " ")
            is[pid ":" field[20]] = 1
            pid = field[2]
          }
        }
        kind == "staged" { staged[$0] = 1; next }
        /^s / { id = ""
          if (now - $4 > 604800 || $2 !~ /^[A-Za-z0-9][A-Za-z0-9._-]*$/) next
          at_work = ($3 == "active"); owned = ($6 in is)
          if ($5 != tree) {
            if (at_work && owned) order[++n] = $2
            else if (at_work && now - $4 < 900) { away++; other = $2 }
            next
          }
          id = $2
          if (at_work) { working++; only = id }
          if (at_work && owned) { touched[id] = 1; order[++n] = id }
          next }
        id != "" && !(id in touched) && /^f / { if (substr($0, 3) in staged) { touched[id] = 1; order[++n] = id } }
        END {
          for (i = 1; i <= n; i++) print order[i]
          if (n) exit
          if (agent && working == 1) print only
          else if (claude != "" && !working && away == 1) print other
        }' kind=staged - kind=sessions "$own/linkable")
    for id in $found; do minted=1; sessions="$sessions $id"; done
  fi
fi
`;

// The settings are read only now, because most commits do not get here.
const choose = String.raw`[ -n "$ids$sessions" ] || exit 0

layout=git-refs linking=always comment='#' cleanup=default
while read -r key value; do
  case $key in
  holdfast.checkpoints) layout=$value ;;
  holdfast.commitlinking) linking=$value ;;
  core.commentchar | core.commentstring) comment=$value ;;
  commit.cleanup) cleanup=$value ;;
  esac
done <<END
$(git config --get-regexp '^(holdfast\.(checkpoints|commitlinking)|core\.comment(char|string)|commit\.cleanup)$' 2>/dev/null)
END

if [ -n "$minted" ] && [ "$linking" = prompt ] && [ $agent = 0 ] && [ "$GIT_EDITOR" = : ]; then
  printf 'Link this commit to the agent session%s? [Y/n] ' "$sessions" > /dev/tty
  read -r answer < /dev/tty
  case $answer in [nN]*) exit 0 ;; esac
fi

`;

// An id of the shape that the layout asks for (specification §1); none where another tool stamps the commit.
const mint = String.raw`ulid() {
  set -- 0 1 2 3 4 5 6 7 8 9 A B C D E F G H J K M N P Q R S T V W X Y Z
  now=$((stamp / 1000000)) id= at=0
  while [ $at -lt 10 ]; do
    eval "id=\${$((now % 32 + 1))}\$id"
    now=$((now / 32)) at=$((at + 1))
  done
  for byte in $(od -An -v -N16 -tu1 /dev/urandom); do eval "id=\$id\${$((byte % 32 + 1))}"; done
}

# Two tools must never stamp one commit.
case $marks in *'${entireMarker}'*) has=2 ;; esac
if [ $has = 2 ]; then
  ids= inherited= minted=
elif [ -n "$minted" ] && [ $has = 0 ]; then
  if [ "$layout" = git-refs ]; then
    ulid
  else
    set -- $(od -An -v -N6 -tx1 /dev/urandom)
    id=$1$2$3$4$5$6
  fi
  minted=$id ids="$ids $id"
else
  minted=
fi

`;

// Trailers go where git puts them; in an editor an empty first line stays free for the subject.
const stamp = String.raw`read -r first < "$file"
set --
for id in $ids; do set -- "$@" --trailer "Entire-Checkpoint: $id"; done
for id in $sessions; do set -- "$@" --trailer "Agent-Session: $id"; done
[ $# -gt 0 ] || exit 0
[ -d "$own/minted" ] || mkdir -p -m 700 "$own/minted"
(
  umask 077
  {
    [ "$GIT_EDITOR" != : ] || [ -z "$first" ] || [ "$source" = template ] || echo said
    [ -z "$stamp" ] || echo "at $stamp"
    [ -z "$minted" ] || echo "minted $minted"
    for id in $inherited; do echo "inherited $id"; done
    for id in $sessions; do echo "session $id"; done
    [ $restored = 0 ] || echo restored
  } > "$note"
  # A template that nobody edits makes no commit: commit-msg compares.
  case $source$cleanup in *verbatim) ;; template*) cat "$file" > "$note.template" ;; esac
)
case $words$cleanup in *verbatim*) [ -z "$(tail -c 1 "$file")" ] || echo >> "$file" ;; esac
git -c trailer.separators=: -c trailer.where=end interpret-trailers --in-place --no-divider --where end --if-exists addIfDifferent --if-missing add "$@" "$file" 2>/dev/null
if [ "$GIT_EDITOR" != : ]; then
  case $cleanup in default | strip) ;; *) comment=auto ;; esac
  [ "$comment" != auto ] || comment=
  (
    umask 077
    awk -v comment="$comment" -v empty="${"${first:-yes}"}" '
      BEGIN { if (empty == "yes") print "" }
      { lines[NR] = $0; if ($0 ~ /^(Entire-Checkpoint|Agent-Session): /) last = NR }
      END { for (i = 1; i <= NR; i++) { print lines[i]
        if (i == last && comment != "") print comment " Holdfast: this commit holds work of an agent. Without the lines above it is not linked." } }
    ' "$file" > "$note.message" && cat "$note.message" > "$file"
    rm -f "$note.message"
  )
fi
`;

/** Stamps a commit with the checkpoint and the sessions that it belongs to, as specification §1 and §11 have it. */
export const prepareCommitMsg = [readMessage, restore, inherit, find, choose, mint, stamp].join("");
