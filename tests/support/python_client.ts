import { join } from "node:path";
import { makeOnce } from "../kafka/kafka_jars.ts";

/** The version of Python's `websockets` that tests use. */
const WEBSOCKETS = "17.4";

/** What to do where there is no Python. */
export const PYTHON_ADVICE =
  "Python with venv and pip is not installed (Debian: apt-get install python3-venv)";

/**
 * The Python of a virtual environment in the tests' cache that has `websockets`; undefined where
 * Python, pip or the network is missing.
 */
export async function pythonWithWebSockets(cacheFolder: string): Promise<string | undefined> {
  const folder = join(cacheFolder, `python-websockets-${WEBSOCKETS}`);
  try {
    await makeOnce(folder, async (unfinished) => {
      await run("python3", ["-m", "venv", unfinished]);
      const pip = join(unfinished, "bin", "python3");
      await run(pip, ["-m", "pip", "install", "--quiet", `websockets==${WEBSOCKETS}`]);
    });
  } catch (error) {
    if (Deno.env.get("CI") === "true") throw error;
    return undefined;
  }
  return join(folder, "bin", "python3");
}

async function run(program: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  if (!success) throw new Error(`Cannot run ${program}: ${new TextDecoder().decode(stderr)}`);
}
