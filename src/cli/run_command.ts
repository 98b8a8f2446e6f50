import { didYouMean } from "../config/suggest.ts";
import { quoted } from "../core/quoted.ts";
import type { Command } from "./command.ts";
import { EXIT, type Shell } from "./shell.ts";

/**
 * Runs the command that the first argument names; without one, or with a flag in its place, the
 * first of `commands`. Resolves with the exit code.
 */
export async function runCommand(commands: readonly Command[], shell: Shell): Promise<number> {
  const [first] = shell.args;
  const named = commands.find(({ name }) => name === first);
  if (named === undefined) {
    if (first === undefined || first.startsWith("-")) return await commands[0].run(shell, commands);
    const names = commands.map(({ name }) => name);
    shell.complain(
      `${quoted(first)} is not a command${didYouMean(first, names)}; --help shows all`,
    );
    return EXIT.misused;
  }
  const own = { ...shell, args: shell.args.slice(1) };
  if (named.usage !== undefined && own.args.some((arg) => arg === "--help" || arg === "-h")) {
    shell.print(named.usage.trimEnd());
    return EXIT.done;
  }
  return await named.run(own, commands);
}
