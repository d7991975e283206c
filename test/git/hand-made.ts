import type { ObjectId } from "../../src/git/plumbing/objects.ts";
import type { Repository } from "../../src/git/plumbing/repository.ts";

/** A file of a tree that is made by hand: its text, or what git is to take it for. */
export type HandMadeFile = string | { readonly mode: "100755" | "120000"; readonly text: string };

/** Lets git itself commit a tree of these files onto a ref, without anything of ours. */
export async function commitByHand(
  repository: Repository,
  {
    ref,
    files,
    message = "By hand",
  }: {
    readonly ref: string;
    readonly files: Readonly<Record<string, HandMadeFile>>;
    readonly message?: string;
  },
): Promise<ObjectId> {
  const data = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}\n`;
  const tip = await repository.refs.read(ref);
  const input = [
    `commit ${ref}\ncommitter A <a@example.com> 1750000000 +0000\n${data(message)}`,
    tip === null ? "" : `from ${tip}\n`,
    "deleteall\n",
    ...Object.entries(files).map(([path, file]) => {
      const { mode, text } = typeof file === "string" ? { mode: "100644", text: file } : file;
      return `M ${mode} inline ${path}\n${data(text)}`;
    }),
    "\n",
  ];
  await repository.git(["fast-import", "--quiet"], { input: input.join("") });
  return (await repository.refs.read(ref)) ?? "";
}

/** Every file below a commit with its text, as git lists them: `mode path` and the text. */
export async function filesByHand(repository: Repository, commit: string): Promise<Record<string, string>> {
  const { stdout } = await repository.git(["ls-tree", "-r", "-z", "--full-tree", commit]);
  const files: Record<string, string> = {};
  for (const line of stdout.toString().split("\0").filter(Boolean)) {
    const [, mode, id, path] = /^(\d+) \w+ (\w+)\t(.*)$/s.exec(line) ?? [];
    const blob = await repository.git(["cat-file", "blob", id ?? ""]);
    files[mode === "100644" ? (path ?? "") : `${mode} ${path}`] = blob.stdout.toString();
  }
  return files;
}

/** Writes a tree that no git would make, and gives its id. */
export async function treeByHand(
  repository: Repository,
  entries: readonly { readonly mode: string; readonly name: string; readonly id: ObjectId }[],
): Promise<ObjectId> {
  const input = Buffer.concat(
    entries.flatMap(({ mode, name, id }) => [Buffer.from(`${mode} ${name}\0`), Buffer.from(id, "hex")]),
  );
  const args = ["hash-object", "-w", "-t", "tree", "--literally", "--stdin"];
  return (await repository.git(args, { input })).stdout.toString().trim();
}
