import { loadSettings } from "../config/load_settings.ts";
import type { Settings } from "../config/settings.ts";
import { VERSION } from "../core/version.ts";
import { installLogs } from "../observe/install_logs.ts";
import { stderrSink } from "../observe/stderr_sink.ts";
import { KafkaProxy } from "../server/kafka_proxy.ts";
import { installSafetyNets } from "../server/safety_nets.ts";
import type { Command } from "./command.ts";
import { EXIT, misused, type Shell } from "./shell.ts";

/** How long log lines may take to be written at the end, in ms. */
const FLUSH_MS = 200;

/** Whatever happens on the way out, it is over so long after the time that sockets get, in ms. */
const HARD_END_MS = 1_800;

/**
 * `npx` and `deno task` pass on a Ctrl-C that reached us too: what comes again so soon is no second
 * signal, in ms.
 */
const SAME_SIGNAL_MS = 100;

/** `kafka-proxy serve`: the server, until a signal. */
export const SERVE: Command = {
  name: "serve",
  summary: "Runs the server; what happens without a command",
  async run(shell, commands) {
    const { args, env, readText } = shell;
    const loaded = await loadSettings({ args, env, commands }, readText);
    switch (loaded.kind) {
      case "help":
        shell.print(loaded.text.trimEnd());
        return EXIT.done;
      case "version":
        shell.print(`kafka-proxy ${VERSION}`);
        return EXIT.done;
      case "problems":
        return misused(shell, loaded.problems);
      case "run":
        return await serve(shell, loaded.settings);
    }
  },
};

async function serve(shell: Shell, settings: Settings): Promise<number> {
  const format = settings.logFormat ?? (shell.stderr.isTerminal ? "text" : "json");
  const sink = stderrSink({ writer: shell.stderr, format });
  installLogs({ level: settings.logLevel, sink });
  const proxy = new KafkaProxy({ settings });
  installSafetyNets(proxy.events);
  let askedMs: number | undefined;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    shell.onSignal(signal, () => {
      if (askedMs !== undefined) {
        if (performance.now() - askedMs > SAME_SIGNAL_MS) shell.exit(EXIT.failed);
        return;
      }
      askedMs = performance.now();
      const { drainMs, drainTimeoutMs } = proxy.settings;
      const isDrain = signal === "SIGTERM" && drainMs > 0;
      const sureMs = (isDrain ? drainMs + drainTimeoutMs : 0) + drainTimeoutMs + HARD_END_MS;
      setTimeout(() => shell.exit(EXIT.done), sureMs);
      void (isDrain ? proxy.drain(signal) : proxy.close(signal));
    });
  }
  let reloading = Promise.resolve();
  shell.onSignal("SIGHUP", () => {
    reloading = reloading.then(async () => {
      const level = await reload(shell, proxy);
      if (level !== undefined) installLogs({ level, sink, again: true });
    });
  });
  try {
    await proxy.listen();
  } catch (error) {
    const { host, port } = settings;
    const why = error instanceof Error ? error.message : String(error);
    shell.complain(`cannot listen on ${host}:${port}: ${why}`);
    return EXIT.failed;
  }
  await proxy.ended;
  const asked = proxy.isLeaving;
  await proxy.close();
  await sink.flush(FLUSH_MS);
  return asked ? EXIT.done : EXIT.failed;
}

/** Reads all settings again; the log level when they are in order. */
async function reload(shell: Shell, proxy: KafkaProxy) {
  const { args, env, readText } = shell;
  const loaded = await loadSettings({ args, env }, readText);
  if (loaded.kind === "run") {
    proxy.reload(loaded.settings);
    return loaded.settings.logLevel;
  }
  const problems = loaded.kind === "problems" ? loaded.problems : [];
  proxy.events.emit("settings_not_reloaded", { problems });
}
