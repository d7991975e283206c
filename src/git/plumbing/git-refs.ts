import { type HoldfastError, isHoldfastError } from "../../core/errors.ts";
import { failed } from "./git-process.ts";
import { checkObjectId, isObjectId, type ObjectFormat } from "./object-id.ts";
import type { ObjectId } from "./objects.ts";
import { checkRefName, checkRefPrefix } from "./ref-names.ts";
import { refConflict, refLocked } from "./ref-errors.ts";
import type { ListOptions, Ref, Refs, RefUpdate } from "./refs.ts";
import type { Repository } from "./repository.ts";

/** Refs through git's own commands, for whatever keeps them. */
export class GitRefs implements Refs {
  readonly #git: Repository["git"];
  readonly #format: ObjectFormat;

  constructor({ git, objectFormat }: { git: Repository["git"]; objectFormat: ObjectFormat }) {
    this.#git = git;
    this.#format = objectFormat;
  }

  async read(name: string): Promise<ObjectId | null> {
    checkRefName(name);
    const args = ["show-ref", "--verify", "--hash", "--", name];
    const { code, stdout, stderr } = await this.#git(args, { codes: [0, 1, 128] });
    const id = stdout.toString().trim();
    if (code === 0 && isObjectId(id, this.#format)) return id;
    if (stderr.includes("not a valid ref")) return null;
    throw failed(args, { code, signal: null, stderr });
  }

  async list(prefix: string, { onDamaged }: ListOptions = {}): Promise<readonly Ref[]> {
    checkRefPrefix(prefix);
    const format = "--format=%(objectname) %(refname)";
    const limits = { maxBytes: maxListBytes };
    const { stdout, stderr } = await this.#git(["for-each-ref", format, "--", prefix], limits);
    for (const [, name = ""] of stderr.matchAll(/^warning: ignoring broken ref (\S+)$/gm)) onDamaged?.(name);
    const refs: Ref[] = [];
    for (const line of stdout.toString().split("\n")) {
      const space = line.indexOf(" ");
      const [id, name] = [line.slice(0, space), line.slice(space + 1)];
      if (isObjectId(id, this.#format) && name.startsWith(prefix)) refs.push({ name, id });
    }
    return refs;
  }

  async update({ name, to, from, reason }: RefUpdate): Promise<"updated" | "moved"> {
    checkRefName(name);
    for (const id of [to, from]) if (id !== null) checkObjectId(id, this.#format);
    const zero = "0".repeat(this.#format === "sha1" ? 40 : 64);
    if (to === null && from === null) return (await this.read(name)) === null ? "updated" : "moved";
    const input =
      to === null
        ? `option no-deref\0delete ${name}\0${from!}\0`
        : `update ${name}\0${to}\0${from ?? zero}\0`;
    const message = reason === undefined ? [] : ["-m", reason.replaceAll(/\s+/g, " ")];
    try {
      await this.#git(["update-ref", ...message, "--stdin", "-z"], { input });
      return "updated";
    } catch (error) {
      if ((await this.read(name)) !== from) return "moved";
      throw isHoldfastError(error) && error.code === "git_failed" ? refusal(name, error) : error;
    }
  }
}

// 100,000 refs are about 10 MB.
const maxListBytes = 512 * 1024 * 1024;

function refusal(name: string, error: HoldfastError): HoldfastError {
  const said = String(error.data["stderr"]);
  const [, lock] = /Unable to create '([^']+\.lock)'/.exec(said) ?? [];
  if (lock !== undefined) return refLocked(name, lock, error);
  const [, other] = /'([^']+)' exists; cannot create/.exec(said) ?? [];
  return other === undefined ? error : refConflict(name, other, error);
}
