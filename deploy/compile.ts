/**
 * `deno task compile`: one binary, for this platform or another, and a look whether it is ours.
 *
 * @module
 */
import { basename, dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { VERSION } from "../src/core/version.ts";

const HELP = `Usage: deno task compile [--target TRIPLE] [--output PATH]

Makes dist/kafka-proxy, with the runtime and the permissions of the server built in.

  --target TRIPLE  another platform: x86_64-unknown-linux-gnu, aarch64-unknown-linux-gnu,
                   x86_64-apple-darwin, aarch64-apple-darwin, x86_64-pc-windows-msvc
  --output PATH    where to; dist/kafka-proxy

Deno downloads its runtime stub, denort, once for each platform. Where it cannot, DENORT_BIN names one:
denort of Deno ${Deno.version.deno}, from the same place as Deno itself.

Exit codes: 0 made, 1 failed, 2 asked for wrongly, 3 no denort can be had here.`;

const FAILED = 1;
const MISUSED = 2;
const NO_DENORT = 3;

const ROOT = fileURLToPath(new URL("../", import.meta.url));

interface Wanted {
  readonly target?: string;
  readonly output: string;
}

function readArguments(args: readonly string[]): Wanted | string {
  const wanted: { target?: string; output: string } = { output: "dist/kafka-proxy" };
  for (let i = 0; i < args.length; i += 2) {
    const [flag, value] = [args[i], args[i + 1]];
    if (flag === "--help") return HELP;
    if (value === undefined) return `${flag} needs a value\n\n${HELP}`;
    if (flag === "--target") wanted.target = value;
    else if (flag === "--output") wanted.output = value;
    else return `${flag} is not a flag\n\n${HELP}`;
  }
  return wanted;
}

async function run(command: string, args: readonly string[]) {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { success, stdout: text(stdout), stderr: text(stderr) };
}

async function compile({ target, output }: Wanted): Promise<number> {
  const { success, stderr } = await run(Deno.execPath(), [
    "compile",
    // As deno task start runs it.
    "--v8-flags=--heap-growing-percent=25",
    "--no-prompt",
    "-P=binary",
    "--exclude-unused-npm",
    ...target === undefined ? [] : ["--target", target],
    "--output",
    output,
    "src/main.ts",
  ]);
  if (!success) {
    await removeRest(output);
    console.error(stderr.trimEnd());
    if (!/denort/.test(stderr)) return FAILED;
    console.error(
      "\nThe runtime stub could not be downloaded. Name one with DENORT_BIN=PATH: denort of Deno " +
        `${Deno.version.deno} for the target, unpacked from its release.`,
    );
    return NO_DENORT;
  }
  if (target !== undefined && target !== Deno.build.target) {
    console.log(`${output}: made for ${target}, not tried here`);
    return 0;
  }
  const { stdout } = await run(output, ["--version"]);
  if (stdout.trim() === `kafka-proxy ${VERSION}`) {
    console.log(`${output}: ${stdout.trim()}`);
    return 0;
  }
  console.error(
    `${output} says ${JSON.stringify(stdout.trim())} to --version, not "kafka-proxy ${VERSION}": ` +
      "what DENORT_BIN names is not denort, but perhaps deno itself",
  );
  await Deno.remove(output);
  return FAILED;
}

/** Deno leaves what it had begun with beside the output. */
async function removeRest(output: string): Promise<void> {
  const folder = dirname(resolve(ROOT, output));
  const begun = `${basename(output)}.tmp-`;
  for await (const { name } of Deno.readDir(folder)) {
    if (name.startsWith(begun)) await Deno.remove(`${folder}/${name}`);
  }
}

const wanted = readArguments(Deno.args);
if (typeof wanted === "string") {
  const isHelp = wanted === HELP;
  (isHelp ? console.log : console.error)(wanted);
  Deno.exit(isHelp ? 0 : MISUSED);
}
Deno.exit(await compile(wanted));
