import { hashPassword, MAX_PASSWORD } from "../auth/passwords.ts";
import type { Command } from "./command.ts";
import { EXIT, type Shell } from "./shell.ts";

/** `kafka-proxy hash-password`: what stands for a user's password in the configuration. */
export const HASH_PASSWORD: Command = {
  name: "hash-password",
  summary: "Makes the hash of a password for users in the configuration",
  usage: `Usage:
  kafka-proxy hash-password            asks for the password twice
  kafka-proxy hash-password < FILE     takes it from standard input, less a line break at its end

Prints one line for the configuration file: users: { NAME: { password: "LINE" } }
`,
  async run(shell) {
    if (shell.args.length > 0) {
      shell.complain("hash-password takes no password on the command line, where others see it");
      return EXIT.misused;
    }
    const password = await readPassword(shell);
    if (password === undefined) return EXIT.failed;
    const problem = problemOf(password);
    if (problem !== undefined) {
      shell.complain(`the password ${problem}`);
      return EXIT.misused;
    }
    shell.print(await hashPassword(password));
    return EXIT.done;
  },
};

async function readPassword(shell: Shell): Promise<string | undefined> {
  const { stdin } = shell;
  if (!stdin.isTerminal) return (await stdin.text()).replace(/\r?\n$/, "");
  const first = await stdin.hiddenLine("Password: ");
  const second = first === undefined ? undefined : await stdin.hiddenLine("Once more: ");
  if (second === undefined) return undefined;
  if (first === second) return first;
  shell.complain("the two passwords are different");
}

function problemOf(password: string): string | undefined {
  if (password === "") return "is empty";
  if (password.length > MAX_PASSWORD) return `is longer than ${MAX_PASSWORD} characters`;
  return /\p{Cc}/u.test(password) ? "has a control character in it" : undefined;
}
