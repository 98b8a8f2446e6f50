import { readAuthFile } from "./config/auth_file.ts";
import { parseSettings } from "./config/parse_settings.ts";
import type { Settings } from "./config/settings.ts";
import { VERSION } from "./core/version.ts";
import { installLogs } from "./observe/install_logs.ts";
import { stderrSink } from "./observe/stderr_sink.ts";
import { installSafetyNets } from "./server/safety_nets.ts";
import { KafkaProxy } from "./server/kafka_proxy.ts";

/** Exit codes: everything went as asked, it failed, it was asked for wrongly. */
const DONE = 0;
const FAILED = 1;
const MISUSED = 2;

/** How long log lines may take to be written at the end, in ms. */
const FLUSH_MS = 200;

/** Whatever happens on the way out, this is when it is over, in ms. */
const HARD_END_MS = 4_800;

/**
 * `npx` and `deno task` pass on a Ctrl-C that reached us too: what comes again so soon is no second
 * signal, in ms.
 */
const SAME_SIGNAL_MS = 100;

async function main(): Promise<number> {
  const parsed = parseSettings({ args: Deno.args, env: Deno.env.toObject() });
  switch (parsed.kind) {
    case "help":
      console.log(parsed.text);
      return DONE;
    case "version":
      console.log(`kafka-proxy ${VERSION}`);
      return DONE;
    case "problems":
      return misused(parsed.problems);
    case "run": {
      const complete = await readAuthFile(parsed.settings, (path) => Deno.readTextFile(path));
      return complete.kind === "problems"
        ? misused(complete.problems)
        : await serve(complete.settings);
    }
  }
}

function misused(problems: readonly string[]): number {
  for (const problem of problems) console.error(`kafka-proxy: ${problem}`);
  console.error("kafka-proxy: --help shows all settings");
  return MISUSED;
}

async function serve(settings: Settings): Promise<number> {
  const format = settings.logFormat ?? (Deno.stderr.isTerminal() ? "text" : "json");
  const sink = stderrSink({ writer: Deno.stderr, format });
  installLogs({ level: settings.logLevel, sink });
  const proxy = new KafkaProxy({ settings });
  installSafetyNets(proxy.events);
  let askedMs: number | undefined;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.addSignalListener(signal, () => {
      if (askedMs !== undefined) {
        if (performance.now() - askedMs > SAME_SIGNAL_MS) Deno.exit(FAILED);
        return;
      }
      askedMs = performance.now();
      setTimeout(() => Deno.exit(DONE), HARD_END_MS);
      void proxy.close(signal);
    });
  }
  try {
    await proxy.listen();
  } catch (error) {
    const { host, port } = settings;
    const why = error instanceof Error ? error.message : String(error);
    console.error(`kafka-proxy: cannot listen on ${host}:${port}: ${why}`);
    return FAILED;
  }
  await proxy.ended;
  const asked = askedMs !== undefined;
  await proxy.close();
  await sink.flush(FLUSH_MS);
  return asked ? DONE : FAILED;
}

if (import.meta.main) Deno.exit(await main());
