// A process that copies one store to another until it is killed; prints a line for each batch that was written.
import { writeSync } from "node:fs";
import { copyStore } from "../../src/runtime/copy.ts";
import { openPlace } from "./open-place.ts";

const [source, target] = process.argv.slice(2) as [string, string];
const [from, to] = await Promise.all([openPlace(source), openPlace(target)]);
await copyStore({ from, to, resume: true, onProgress: ({ copied }) => void writeSync(1, `${copied}\n`) });
await Promise.all([from.close(), to.close()]);
