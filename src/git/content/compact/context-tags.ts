/** A user's text without what an editor or the agent put around it. */
export function withoutContextTags(text: string): string {
  let result = text;
  for (const tag of tags) result = withoutTag(result, tag);
  const query = /^\s*<user_query>([^]*)<\/user_query>\s*$/.exec(result);
  return (query?.[1] ?? result).trim();
}

const tags = [
  "ide_opened_file",
  "ide_selection",
  "ide_diagnostics",
  "system-reminder",
  "environment_context",
  "local-command-caveat",
];

// By hand: a regex would look for the end again from every beginning that has none.
function withoutTag(text: string, tag: string): string {
  const [open, close] = [`<${tag}>`, `</${tag}>`];
  let result = "";
  let copied = 0;
  for (let from = text.indexOf(open); from !== -1; from = text.indexOf(open, copied)) {
    const end = text.indexOf(close, from);
    if (end === -1) break;
    result += text.slice(copied, from);
    copied = end + close.length;
  }
  return copied === 0 ? text : result + text.slice(copied);
}
