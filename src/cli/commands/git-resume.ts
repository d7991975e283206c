import { agentHomes } from "../../git/reading/resume/agent-files.ts";
import { findSession } from "../../git/reading/resume/find-session.ts";
import { resume, type Resumed } from "../../git/reading/resume/resume.ts";
import { asTyped } from "../arguments.ts";
import { lineOf } from "../checkpoint-words.ts";
import { withCheckpoints } from "../checkpoints.ts";
import { counted } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { say, write, writeJson } from "../output.ts";

/** Puts a session back as its agent's own file, and prints the command that goes on with it. */
export async function resumeGit([name = ""]: readonly string[], options: ResumeOptions): Promise<ExitCode> {
  const { session, force } = options;
  const { resumed, folder } = await withCheckpoints(async (checkpoints) => {
    const found = await findSession({ ...checkpoints, name, ...(session === undefined ? {} : { session }) });
    const { repository } = checkpoints;
    const folder = repository.worktree ?? process.cwd();
    const homes = agentHomes();
    const nowMs = Date.now();
    return {
      folder,
      resumed: await resume({ repository, found, homes, folder, force: force === true, nowMs }),
    };
  });
  const command = resumed.command.map(asTyped).join(" ");
  if (options.json === true) {
    await writeJson({ ...resumed, folder });
    return exitCodes.ok;
  }
  for (const line of toldOf(resumed)) say(line);
  await write(process.cwd() === folder ? `${command}\n` : `cd ${asTyped(folder)} && ${command}\n`);
  return exitCodes.ok;
}

interface ResumeOptions {
  readonly session?: string;
  readonly force?: true;
  readonly json?: true;
}

function toldOf({ checkpoint, session, path, outcome, lines, kept }: Resumed): string[] {
  const file = lineOf(path);
  const told = {
    written: `Wrote ${file} with ${counted(lines, "line")}.`,
    extended: `Added ${counted(lines, "line")} to ${file}.`,
    there: `${file} holds all of it already and was not touched.`,
    replaced: `Replaced ${file} with ${counted(lines, "line")}.`,
  };
  return [
    `Session ${lineOf(session)} of checkpoint ${checkpoint}.`,
    told[outcome],
    ...(kept === null ? [] : [`What was there is kept as ${lineOf(kept)}.`]),
  ];
}
