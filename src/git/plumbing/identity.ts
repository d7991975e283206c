import type { Environment } from "./environment.ts";
import { parseIdentity } from "./commit-bytes.ts";
import type { Identity } from "./objects.ts";
import type { Repository } from "./repository.ts";

/** Who commits here and when: asked of git once, with a fresh time unless `GIT_COMMITTER_DATE` fixes it. */
export function identityReader(git: Repository["git"], env: Environment): () => Promise<Identity> {
  let asked: Promise<Identity> | undefined;
  return async () => {
    asked ??= ask(git);
    const who = await asked.catch((error: unknown) => {
      asked = undefined;
      throw error;
    });
    return env["GIT_COMMITTER_DATE"] === undefined ? { ...who, ...now() } : who;
  };
}

async function ask(git: Repository["git"]): Promise<Identity> {
  const { code, stdout } = await git(["var", "GIT_COMMITTER_IDENT"], { codes: [0, 1, 128] });
  const told = code === 0 ? parseIdentity(stdout.toString().trim()) : undefined;
  const { name = "", email = "" } = told ?? {};
  return {
    // Where nobody is configured a checkpoint is still kept: it is not the user's own commit.
    name: name === "" ? "holdfast" : name,
    email: email === "" ? "holdfast@localhost" : email,
    ...(told === undefined ? now() : { atMs: told.atMs, offset: told.offset }),
  };
}

function now(): Pick<Identity, "atMs" | "offset"> {
  const date = new Date();
  const minutes = -date.getTimezoneOffset();
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  const digits = `${hours}`.padStart(2, "0") + `${rest}`.padStart(2, "0");
  return { atMs: Math.floor(date.getTime() / 1000) * 1000, offset: `${minutes < 0 ? "-" : "+"}${digits}` };
}
