import type { HookName } from "./hook-scripts.ts";
import { prepareCommitMsg } from "./prepare-commit-msg.ts";

/**
 * What a hook does, as shell: on the commit path the start of a program of ours would cost more than all the rest. It
 * lies in `<common dir>/holdfast/hooks/`, never fails, and says nothing.
 */
export function hookBody(name: HookName): string {
  return body(bodies[name]());
}

const bodies: Readonly<Record<HookName, () => string>> = {
  "prepare-commit-msg": () => prepareCommitMsg,
  "commit-msg": commitMsg,
  "post-commit": postCommit,
  "post-rewrite": postRewrite,
  "pre-push": prePush,
};

// The file that git calls has set $own, $common, $dir, $hooks and $caller, and reads this one in a subshell.
function body(text: string): string {
  // With CDPATH set, cd may go elsewhere, and print where.
  return String.raw`unset CDPATH
if [ -f "$dir/commondir" ]; then tree=${"${dir##*/}"}; else tree=@; fi
note=$own/minted/$tree
# True where git has such a file or, with reftable, such a ref, which git alone can tell.
there() {
  [ ! -e "$dir/$1" ] || return 0
  case $1 in
  ORIG_HEAD | CHERRY_PICK_HEAD | REVERT_HEAD) [ -d "$common/reftable" ] && git rev-parse -q --verify "$1" > /dev/null 2>&1 ;;
  *) return 1 ;;
  esac
}
${text}exit 0
`;
}

function commitMsg(): string {
  return String.raw`[ -s "$note" ] || exit 0
read -r first < "$note"
# Nothing can have been taken away from the message since.
[ "$first" != said ] || exit 0
comment=
if [ "$GIT_EDITOR" != : ]; then
  comment=$(git config core.commentChar 2>/dev/null)
  case $comment in '' | auto) comment='#' ;; esac
fi
plain() { grep -v -e '^Entire-Checkpoint: ' -e '^Agent-Session: ' "$1" | git stripspace -s; }
{ [ -f "$note.template" ] && [ "$(plain "$1")" = "$(plain "$note.template")" ]; } || awk -v comment="$comment" '
  comment != "" && index($0, comment " ------------------------ >8 ------------------------") == 1 { exit }
  comment != "" && index($0, comment) == 1 { next }
  /^[ \t\r]*$/ || /^(Entire-Checkpoint|Agent-Session): / { next }
  { some = 1; exit }
  END { exit some }
' "$1" || exit 0
(
  umask 077
  grep -v -e '^Entire-Checkpoint: ' -e '^Agent-Session: ' "$1" > "$note.message"
  cat "$note.message" > "$1"
  rm -f "$note.message"
)
`;
}

function postCommit(): string {
  return String.raw`set -- "$own/sessions/"*.json
[ -s "$note" ] || [ -s "$own/linkable" ] || [ -f "$1" ] || exit 0
during=
for one in rebase-merge rebase-apply CHERRY_PICK_HEAD REVERT_HEAD sequencer MERGE_HEAD; do
  there $one && during="$during $one"
done
${spooled(
  "post-commit",
  String.raw`  [ -z "$during" ] || echo "during$during"
  printf %s "$noted"
  git -c log.showSignature=false log -1 --format='commit %H%ntree %T%nparents %P%ncommitted %ct%n%n%B' || exit 1`,
)}
[ ! -s "$note" ] || : > "$note"
# The end of a rebase starts one for all its commits.
case $during in *rebase*) exit 0 ;; esac
${startWorker}`;
}

function postRewrite(): string {
  return String.raw`set -- "$1" "$own/sessions/"*.json
[ -f "$2" ] || exit 0
${spooled(
  "post-rewrite",
  String.raw`  case $1 in amend | rebase) echo "command $1" ;; esac
  echo
  cat`,
)}
${startWorker}`;
}

function prePush(): string {
  // git runs it for a dry run too, and tells it nothing of that: only the arguments of git do.
  return String.raw`{
  if [ -r "/proc/$caller/cmdline" ]; then
    grep -qzx -e '--dr.*' -e '-[vqdfu46]*n.*' "/proc/$caller/cmdline"
  else
    ps -o args= -p "$caller" | grep -q -e ' --dr' -e ' -[vqdfu46]*n'
  fi
} 2> /dev/null && exit 0
${spooled(
  "pre-push",
  // A URL may hold a password.
  String.raw`  case $1 in *[!A-Za-z0-9._/-]* | '') ;; *) echo "remote $1" ;; esac
  echo
  cat`,
)}
${startWorker}`;
}

/** Notes an event: a file that is whole as soon as it has its name. */
function spooled(kind: HookName, lines: string): string {
  return String.raw`[ -d "$own/spool" ] || mkdir -p -m 700 "$own/spool"
stamp=
noted=
[ ! -s "$note" ] || while read -r key value; do
  case $key in
  at) stamp=$value ;;
  said) ;;
  *) noted="$noted$key $value
" ;;
  esac
done < "$note"
[ -n "$stamp" ] || stamp=$(date +%s%N)
case $stamp in *N) stamp=${"${stamp%N}"}000000000 ;; esac
umask 077
(
  echo "holdfast-event 1"
  echo "kind ${kind}"
  echo "worktree $tree"
${lines}
) > "$own/spool/$stamp-$$-sh.tmp" 2>/dev/null || { rm -f "$own/spool/$stamp-$$-sh.tmp"; exit 0; }
mv "$own/spool/$stamp-$$-sh.tmp" "$own/spool/$stamp-$$-sh.event"`;
}

// Its own session, so that Ctrl-C in the terminal does not reach it. What git set for its hooks is not for it.
const startWorker = String.raw`unset GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE GIT_PREFIX GIT_EDITOR GIT_REFLOG_ACTION GIT_OBJECT_DIRECTORY
unset GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_AUTHOR_DATE GIT_COMMITTER_DATE
cd "$own/.." || exit 0
own=$PWD/holdfast
apart=$(command -v setsid) || apart=
$apart "$own/bin/holdfast" git work < /dev/null > /dev/null 2>&1 &
`;
