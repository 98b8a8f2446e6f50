import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Runs a program of this folder in a fresh process, and gives what it printed, read as JSON.
 *
 * @throws {Error} with what it wrote to standard error, when it ends with another code than 0
 */
export async function runProgram<T>(file: string, args: readonly string[]): Promise<T> {
  const { success, code, stdout, stderr } = await command(file, args).output();
  const decoder = new TextDecoder();
  if (success) return JSON.parse(decoder.decode(stdout));
  throw new Error(`${file} ended with code ${code}: ${decoder.decode(stderr).trim()}`);
}

/** A server of this folder, in a fresh process; killed by dispose. */
export class ServerProgram implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #stdout: ReadableStreamDefaultReader<string>;
  /** The first line it printed. */
  readonly firstLine: string;

  private constructor(
    child: Deno.ChildProcess,
    stdout: ReadableStreamDefaultReader<string>,
    firstLine: string,
  ) {
    this.#child = child;
    this.#stdout = stdout;
    this.firstLine = firstLine;
  }

  /** Starts it, and waits for its first line. */
  static async start(file: string, args: readonly string[]): Promise<ServerProgram> {
    const child = command(file, args, "inherit").spawn();
    const stdout = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("\n")) {
      const { done, value } = await stdout.read();
      if (done) throw new Error(`${file} ended with code ${(await child.status).code}`);
      text += value;
    }
    return new ServerProgram(child, stdout, text.slice(0, text.indexOf("\n")));
  }

  /** Of its process. */
  get pid(): number {
    return this.#child.pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#stdout.cancel();
    await this.#child.status;
  }
}

/** As `deno task start` runs the proxy, but with all permissions. */
function command(
  file: string,
  args: readonly string[],
  stderr: "piped" | "inherit" = "piped",
): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", fileURLToPath(new URL(file, import.meta.url)), ...args],
    cwd: ROOT,
    env: { DENO_USE_WRITEV: "1", NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr,
  });
}
