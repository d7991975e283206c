import { entireMarker } from "./hook-scripts.ts";

// What is not to be touched: git copies the messages of these itself.
const readMessage = String.raw`file=$1
source=$2
[ ! -s "$note" ] || : > "$note"
[ "$source" != merge ] || exit 0
for one in MERGE_HEAD CHERRY_PICK_HEAD REVERT_HEAD rebase-merge rebase-apply sequencer; do
  [ ! -e "$dir/$one" ] || exit 0
done
# Whether git, or the git that started it, was called with one of these words.
called() {
  pid=$HOLDFAST_GIT_PID
  for level in 1 2; do
    if [ -r "/proc/$pid/cmdline" ]; then
      tr '\0' '\n' < "/proc/$pid/cmdline" | grep -qx "$@" && return 0
      read -r stat < "/proc/$pid/stat"
      pid=${"${stat##*) }"}
      pid=${"${pid#* }"}
      pid=${"${pid%% *}"}
    else
      ps -o args= -p "$pid" 2>/dev/null | tr ' ' '\n' | grep -qx "$@" && return 0
      pid=$(ps -o ppid= -p "$pid" 2>/dev/null)
    fi
    [ "$1" = -e ] && [ "$2" = revert ] || return 1
  done
  return 1
}

has=0
marks=$(grep -e '^Entire-Checkpoint:' -e '^Agent-Session:' -e '^This reverts commit ' "$file")
case $marks in *'This reverts commit '*) ! called -e revert || exit 0 ;; esac
case $marks in
*Entire-Checkpoint:* | *Agent-Session:*) [ "$source" != commit ] || exit 0 ;;
esac
case $marks in *Entire-Checkpoint:*) has=1 ;; esac
ids= sessions= inherited= minted=

`;

// `--amend -m` comes as any other message does: only the arguments of git tell it.
const restore = String.raw`take() {
  while read -r key value rest; do
    case $value in *[!A-Za-z0-9._-]* | '') continue ;; esac
    case $key in
    Entire-Checkpoint:) ids="$ids $value" inherited="$inherited $value" ;;
    Agent-Session:) sessions="$sessions $value" ;;
    esac
  done
}

restored=0
if [ "$source" = message ] && called -e --amend -e --amen -e --ame -e --am; then
  take <<END
$(git -c log.showSignature=false log -1 --format='%(trailers:only,unfold)' 2>/dev/null)
END
  [ -z "$ids$sessions" ] || restored=1
fi

`;

// What needs more than a line of shell, and is seldom: the program is started only where there is something to find.
const inherit = String.raw`if [ $restored = 0 ]; then
  ask= dropped=
  if [ -f "$dir/SQUASH_MSG" ] && grep -q -e '^ *Entire-Checkpoint:' -e '^ *Agent-Session:' "$dir/SQUASH_MSG"; then
    ask=squash
  elif [ -f "$dir/logs/HEAD" ]; then
    dropped=$(tail -n 200 "$dir/logs/HEAD" | awk -F '\t' '$2 ~ /^reset: moving to / { split($1, id, " "); if (id[1] != id[2]) last = id[1] " " id[2] " " $1 } END { print last }')
    settled=
    [ -z "$dropped" ] || [ ! -f "$note.settled" ] || read -r settled < "$note.settled"
    [ -z "$dropped" ] || [ "$dropped" = "$settled" ] || ask=reset
  fi
  if [ -n "$ask" ]; then
    answer=$("$own/bin/holdfast" git hook inherited $ask "$dir" < /dev/null 2>/dev/null)
    take <<END
$answer
END
    if [ "$answer" = settled ]; then
      [ -d "$own/minted" ] || mkdir -p -m 700 "$own/minted"
      (umask 077 && printf '%s\n' "$dropped" > "$note.settled")
    fi
  fi

`;

// The sessions whose files are staged, and the one that the commit's process belongs to; all with one look at one file.
const find = String.raw`  if [ -s "$own/linkable" ]; then
    agent=0
    { [ -z "$CLAUDECODE" ] && (: < /dev/tty) 2>/dev/null; } || agent=1
    ancestors=
    walk() {
      pid=$1
      while [ "$pid" -gt 1 ] 2>/dev/null && read -r stat < "/proc/$pid/stat"; do
        set -- ${"${stat##*) }"}
        ancestors="$ancestors $pid:${"${20}"}"
        pid=$2
      done
    }
    walk "$HOLDFAST_GIT_PID" 2>/dev/null
    found=$(git -c core.quotePath=true -c diff.relative=false diff --cached --name-only --no-renames --no-color --no-ext-diff 2>/dev/null |
      LC_ALL=C awk -v now="$(date +%s)" -v tree="$tree" -v agent=$agent -v ancestors="$ancestors" '
        BEGIN { count = split(ancestors, list, " "); for (i = 1; i <= count; i++) is[list[i]] = 1 }
        kind == "staged" { staged[$0] = 1; next }
        /^s / { id = ""
          if ($5 != tree || now - $4 > 604800 || $2 !~ /^[A-Za-z0-9][A-Za-z0-9._-]*$/) next
          id = $2; order[++n] = id; owns[id] = ($6 in is)
          active[id] = ($3 == "active"); next }
        id != "" && /^f / { if (substr($0, 3) in staged) touched[id] = 1 }
        END {
          for (i = 1; i <= n; i++) { id = order[i]
            if (active[id]) { working++; only = id }
            if ((id in touched) || (active[id] && owns[id])) { print id; some = 1 } }
          if (!some && agent && working == 1) print only
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
  now=$(date +%s%N)
  case $now in *N) now=${"${now%N}"}000000000 ;; esac
  now=$((now / 1000000)) id= at=0
  while [ $at -lt 10 ]; do
    eval "id=\${$((now % 32 + 1))}\$id"
    now=$((now / 32)) at=$((at + 1))
  done
  for byte in $(od -An -v -N16 -tu1 /dev/urandom); do eval "id=\$id\${$((byte % 32 + 1))}"; done
}

# Two tools must never stamp one commit.
if grep -qs '${entireMarker}' "$HOLDFAST_HOOKS/prepare-commit-msg" "$HOLDFAST_HOOKS/prepare-commit-msg".pre-*; then
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
const stamp = String.raw`set --
for id in $ids; do set -- "$@" --trailer "Entire-Checkpoint: $id"; done
for id in $sessions; do set -- "$@" --trailer "Agent-Session: $id"; done
[ $# -gt 0 ] || exit 0
[ -d "$own/minted" ] || mkdir -p -m 700 "$own/minted"
(
  umask 077
  {
    [ -z "$minted" ] || echo "minted $minted"
    for id in $inherited; do echo "inherited $id"; done
    for id in $sessions; do echo "session $id"; done
    [ $restored = 0 ] || echo restored
  } > "$note"
)
[ -z "$(tail -c 1 "$file")" ] || echo >> "$file"
read -r first < "$file"
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
