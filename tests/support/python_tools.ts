import { join } from "node:path";
import { makeOnce } from "../kafka/kafka_jars.ts";

/** The packages that tests use, each in its version. */
const VERSIONS = { websockets: "17.4", "kubernetes-validate": "1.37.0" } as const;

/** What to do where there is no Python. */
export const PYTHON_ADVICE =
  "Python with venv and pip is not installed (Debian: apt-get install python3-venv)";

/**
 * The Python of a virtual environment in the tests' cache that has a package; undefined where
 * Python, pip or the network is missing.
 *
 * @throws {Error} in CI, where they must not be
 */
export async function pythonWith(
  name: keyof typeof VERSIONS,
  cacheFolder: string,
): Promise<string | undefined> {
  const folder = join(cacheFolder, `python-${name}-${VERSIONS[name]}`);
  try {
    await makeOnce(folder, async (unfinished) => {
      await run("python3", ["-m", "venv", unfinished]);
      const python = join(unfinished, "bin", "python3");
      await run(python, ["-m", "pip", "install", "--quiet", `${name}==${VERSIONS[name]}`]);
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
