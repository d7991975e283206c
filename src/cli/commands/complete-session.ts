import { type ExitCode, exitCodes } from "../exit-code.ts";
import { write } from "../output.ts";
import { titleOf } from "../session-table.ts";
import { type StoreOption, withStore } from "../store.ts";

/** Prints the newest sessions whose id begins with a prefix, a line each: the id, a tab, the title. */
export async function completeSession(
  [prefix = ""]: readonly string[],
  options: StoreOption,
): Promise<ExitCode> {
  await withStore(options, async (store) => {
    const { sessions } = await store.sessions({ filter: { sessionPrefix: prefix }, limit: 100 });
    const found = sessions.filter(({ session }) => safeInShell.test(session));
    await write(found.map((row) => `${row.session}\t${titleOf(row)}\n`).join(""));
  });
  return exitCodes.ok;
}

// A shell puts a completed word on the command line as it is, so an id that means something to it is left out.
const safeInShell = /^[\w.][\w.-]*$/;
