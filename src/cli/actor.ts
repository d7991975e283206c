import { hostname, userInfo } from "node:os";

/** Who decides, for the record: the user at this machine. */
export function actor(): string {
  return `cli:${userName()}`;
}

/** Who holds a lease that this process takes: no other process has this name. */
export function leaseOwner(): string {
  return `cli:${userName()}@${hostname()}:${process.pid}`;
}

// A container may run under a user id that has no name.
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? "unknown");
  }
}
