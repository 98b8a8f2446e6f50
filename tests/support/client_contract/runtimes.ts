import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { type Host, type ScenarioInput, type ScenarioOutput, SCENARIOS } from "./scenarios.ts";

/** Runs a scenario somewhere, and carries out its orders here. */
export type ScenarioRun = (
  name: string,
  input: ScenarioInput,
  host: Host,
) => Promise<ScenarioOutput>;

/** In this process. */
export const inDeno: ScenarioRun = (name, input, host) => SCENARIOS[name](input, host, undefined);

/** In Node, with the `ws` package. */
export const inNode: ScenarioRun = async (name, input, host) => {
  const script = await bundle("node_main.ts", "deno");
  const folder = await Deno.makeTempDir({ prefix: "kafka-proxy-client-" });
  try {
    const file = `${folder}/main.mjs`;
    await Deno.writeTextFile(file, script);
    await using child = new Deno.Command("node", {
      args: [file, name, JSON.stringify(input)],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const answers = child.stdin.getWriter();
    let rest = "";
    let output: ScenarioOutput | undefined;
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        const said = JSON.parse(line);
        output ??= said.output;
        if (said.order === undefined) continue;
        await host(said.order);
        await answers.write(new TextEncoder().encode("done\n"));
      }
    }
    await answers.close().catch(() => {}); // Node has ended
    if (output === undefined) throw new Error(`Node ended without a result: ${name}`);
    return output;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
};

/** In a page of Chromium that takes scripts from the test, whatever its policy (`bypassCSP`). */
export function inChromium(page: Page): ScenarioRun {
  return async (name, input, host) => {
    await page.goto(new URL("/healthz", input.url.replace(/^ws/, "http")).href);
    await page.exposeFunction("host", host);
    await page.addScriptTag({ content: await bundle("chromium_main.ts", "browser") });
    return await page.evaluate(
      `SCENARIOS[${JSON.stringify(name)}](${JSON.stringify(input)}, host)`,
    ) as ScenarioOutput;
  };
}

/** One file of JavaScript, of a program beside this one. */
export async function bundle(name: string, platform: "deno" | "browser"): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "bundle",
      "--quiet",
      "--platform",
      platform,
      fileURLToPath(new URL(name, import.meta.url)),
    ],
    env: { NO_COLOR: "1" },
  }).output();
  if (!success) throw new Error(`Cannot bundle ${name}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}
