import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** No run takes nearly so long: whoever waits longer has lost a record. */
const TIMEOUT_MS = 300_000;

/**
 * Runs a program of this folder in a fresh process, and gives what it printed, read as JSON.
 *
 * @throws {Error} with what it wrote to standard error, when it ends with another code than 0 or
 * not in time
 */
export async function runProgram<T>(file: string, args: readonly string[]): Promise<T> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), TIMEOUT_MS);
  try {
    const { success, code, stdout, stderr } = await command(file, args, { signal: timeout.signal })
      .output();
    const decoder = new TextDecoder();
    if (success) return JSON.parse(decoder.decode(stdout));
    const end = timeout.signal.aborted ? `has not ended in ${TIMEOUT_MS} ms` : `ended with ${code}`;
    throw new Error(`${file} ${end}: ${decoder.decode(stderr).trim()}`);
  } finally {
    clearTimeout(timer);
  }
}

/** A program of this folder that goes on after its first line, in a fresh process; killed by dispose. */
export class ServerProgram implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #stdout: ReadableStreamDefaultReader<string>;
  /** The first line it printed. */
  readonly firstLine: string;
  #text: string;
  #isOver = false;

  private constructor(
    child: Deno.ChildProcess,
    stdout: ReadableStreamDefaultReader<string>,
    text: string,
  ) {
    this.#child = child;
    this.#stdout = stdout;
    this.#text = text;
    this.firstLine = text.slice(0, text.indexOf("\n"));
  }

  /** Starts it, and waits for its first line. */
  static async start(file: string, args: readonly string[]): Promise<ServerProgram> {
    const child = command(file, args, { stderr: "inherit" }).spawn();
    const stdout = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("\n")) {
      const { done, value } = await stdout.read();
      if (done) throw new Error(`${file} ended with code ${(await child.status).code}`);
      text += value;
    }
    return new ServerProgram(child, stdout, text);
  }

  /** Of its process. */
  get pid(): number {
    return this.#child.pid;
  }

  /**
   * Waits for its end, and gives its last line, read as JSON.
   *
   * @throws {Error} when it ends with another code than 0
   */
  async result<T>(): Promise<T> {
    for (;;) {
      const { done, value } = await this.#stdout.read();
      if (done) break;
      this.#text += value;
    }
    const { code } = await this.#child.status;
    this.#isOver = true;
    if (code !== 0) throw new Error(`A program ended with code ${code}`);
    return JSON.parse(this.#text.trimEnd().split("\n").at(-1)!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOver) return;
    this.#child.kill("SIGKILL");
    await this.#stdout.cancel();
    await this.#child.status;
  }
}

/** As `deno task start` runs the proxy, but with all permissions. */
function command(
  file: string,
  args: readonly string[],
  options: Pick<Deno.CommandOptions, "stderr" | "signal">,
): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", fileURLToPath(new URL(file, import.meta.url)), ...args],
    cwd: ROOT,
    env: { DENO_USE_WRITEV: "1", NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...options,
  });
}
