import { setPriority } from "node:os";

/** Niceness: against a process without it, next to nothing of the processor. */
const NICENESS = 19;

/**
 * Has a process take what others leave of the processor, as if it ran on another machine: all of
 * its threads, since Linux keeps a priority for each; those that they start inherit it.
 */
export function stepBack(pid: number): void {
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    setPriority(Number(name), NICENESS);
  }
}
