import type { Shell } from "./shell.ts";

/** One command of the command line. */
export interface Command {
  /** The word that calls it. */
  readonly name: string;
  /** What it does, for the list of commands: at most 70 characters, without a full stop. */
  readonly summary: string;
  /** The text of `kafka-proxy NAME --help`; `undefined` where the command answers itself. */
  readonly usage?: string;
  /** Does it, and resolves with the exit code; `commands` are all there are. */
  run(shell: Shell, commands: readonly Command[]): Promise<number>;
}
