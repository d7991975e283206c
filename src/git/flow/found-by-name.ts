import { statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Whether the hooks that a team shares, which call `holdfast` by its name, find it on this machine. */
export function isFoundByName(searchPath = process.env["PATH"] ?? ""): boolean {
  return searchPath.split(delimiter).some((folder) => !ofNpm.test(folder) && hasProgram(folder));
}

// npm and npx put folders there that an agent does not have.
const ofNpm = /^$|[\\/]node_modules[\\/]\.bin[\\/]?$/;

function hasProgram(folder: string): boolean {
  try {
    const stat = statSync(join(folder, "holdfast"));
    return stat.isFile() && (stat.mode & 0o111) !== 0;
  } catch {
    return false;
  }
}
