import { quoted } from "../core/quoted.ts";
import type { Command } from "./command.ts";
import { EXIT, misused } from "./shell.ts";

/** Shells, and the script that completes commands and flags in them. */
const SCRIPTS: Readonly<Record<string, (commands: readonly Command[]) => string>> = {
  bash: (commands) =>
    `_kafka_proxy() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words
  if ((COMP_CWORD == 1)); then
    words="${commands.map(({ name }) => name).join(" ")} --help --version"
  else
    case "\${COMP_WORDS[1]}" in
${
      commands.map(({ name, usage }) => `      ${name}) words="${flagsOf(usage).join(" ")}" ;;`)
        .join("\n")
    }
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _kafka_proxy kafka-proxy`,
  zsh: (commands) =>
    `#compdef kafka-proxy
local -a commands
commands=(
${commands.map(({ name, summary }) => `  '${name}:${summary.replaceAll("'", "'\\''")}'`).join("\n")}
)
if ((CURRENT == 2)); then
  _describe command commands
else
  case $words[2] in
${
      commands.map(({ name, usage }) => `    ${name}) compadd -- ${flagsOf(usage).join(" ")} ;;`)
        .join("\n")
    }
  esac
  _files
fi`,
  fish: (commands) =>
    commands.flatMap(({ name, summary, usage }) => [
      `complete -c kafka-proxy -n __fish_use_subcommand -a ${name} -d '${
        summary.replaceAll("'", "\\'")
      }'`,
      ...flagsOf(usage).map((flag) =>
        `complete -c kafka-proxy -n '__fish_seen_subcommand_from ${name}' -l ${flag.slice(2)}`
      ),
    ]).join("\n"),
};

/** `kafka-proxy completions bash|zsh|fish`: a script for the shell. */
export const COMPLETIONS: Command = {
  name: "completions",
  summary: "Writes a script that completes commands and flags: bash, zsh or fish",
  usage: `Usage: kafka-proxy completions bash|zsh|fish

  bash  kafka-proxy completions bash > /etc/bash_completion.d/kafka-proxy
  zsh   kafka-proxy completions zsh > "\${fpath[1]}/_kafka-proxy"
  fish  kafka-proxy completions fish > ~/.config/fish/completions/kafka-proxy.fish
`,
  run(shell, commands) {
    const [name] = shell.args;
    const script = name === undefined ? undefined : SCRIPTS[name];
    if (script === undefined) {
      const what = name === undefined ? "completions needs" : `${quoted(name)} is not`;
      const problem = `${what} one of ${Object.keys(SCRIPTS).join(", ")}`;
      return Promise.resolve(misused(shell, [problem], "completions --help"));
    }
    shell.print(script(commands));
    return Promise.resolve(EXIT.done);
  },
};

/** The long flags a help text names. */
function flagsOf(usage: string | undefined): string[] {
  const named = [...(usage ?? "").matchAll(/(?<![\w-])--[a-z][a-z-]+/g)].map(([flag]) => flag);
  return [...new Set([...named, "--help"])].sort();
}
