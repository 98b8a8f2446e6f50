import { configJsonSchema } from "../config/config_schema.ts";
import { loadSettings } from "../config/load_settings.ts";
import type { ParsedSettings } from "../config/parse_settings.ts";
import { shownSettings } from "../config/show_settings.ts";
import { didYouMean } from "../config/suggest.ts";
import { quoted } from "../core/quoted.ts";
import type { Command } from "./command.ts";
import { EXIT, misused, type Shell } from "./shell.ts";

type Loaded = Extract<ParsedSettings, { kind: "run" }>;

/** What `kafka-proxy config` can do with settings that are in order. */
const ACTIONS: Readonly<Record<string, (shell: Shell, loaded: Loaded) => void>> = {
  check: (shell, { origins }) => {
    const given = [...origins.values()].filter(({ origin }) => origin !== "default").length;
    shell.print(`The configuration is in order: ${given} settings given, the others by default`);
  },
  show: (shell, { settings, origins }) => shell.print(shownSettings(settings, origins).trimEnd()),
};

/** `kafka-proxy config check|show|schema`: the settings, without a server. */
export const CONFIG: Command = {
  name: "config",
  summary: "Checks the settings, or shows them with where each comes from",
  usage: `Usage:
  kafka-proxy config check [flags]   ends with 0, or with 2 and every mistake
  kafka-proxy config show [flags]    every setting and where it comes from; secrets are hidden
  kafka-proxy config schema          JSON Schema of the configuration file

Flags and environment are those of the server: --config PATH names the file.
`,
  async run(shell) {
    const [name, ...args] = shell.args;
    if (name === "schema") {
      shell.print(configJsonSchema().trimEnd());
      return EXIT.done;
    }
    const action = ACTIONS[name];
    if (action === undefined) {
      const names = [...Object.keys(ACTIONS), "schema"];
      const problem = name === undefined || name.startsWith("-")
        ? `config needs one of ${names.join(", ")} behind it`
        : `config ${quoted(name)} is not one of ${names.join(", ")}${didYouMean(name, names)}`;
      return misused(shell, [problem], "config --help says more");
    }
    const loaded = await loadSettings({ args, env: shell.env }, shell.readText);
    switch (loaded.kind) {
      case "run":
        action(shell, loaded);
        return EXIT.done;
      case "problems":
        return misused(shell, loaded.problems);
      default:
        return misused(
          shell,
          ["config takes the server's settings only"],
          "config --help says more",
        );
    }
  },
};
