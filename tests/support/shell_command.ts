import { eventually } from "./eventually.ts";

/** How a command line is run. */
export interface ShellOptions {
  readonly cwd?: string;
  /** Added to this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Given on standard input, which is then closed. Without it, standard input stays open. */
  readonly input?: string;
}

/** What a command has left behind. */
export interface ShellResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A command line as a shell runs it, with everything it starts, in a process group of its own.
 *
 * Disposing it ends the whole group: `npx` and `deno task` leave their children behind when only
 * they are killed.
 */
export class ShellCommand implements AsyncDisposable {
  readonly #line: string;
  readonly #child: Deno.ChildProcess;
  readonly #outputs: Promise<unknown>;
  #stdout = "";
  #stderr = "";
  #code: number | undefined;

  /** Starts it. */
  constructor(line: string, { cwd, env = {}, input }: ShellOptions = {}) {
    this.#line = line;
    this.#child = new Deno.Command("sh", {
      // The shell outlives a signal to the group, to give the code of the command.
      args: ["-c", `trap : INT TERM\n${line}`],
      detached: true,
      env: { NO_COLOR: "1", ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      ...(cwd === undefined ? {} : { cwd }),
    }).spawn();
    this.#outputs = Promise.all([
      this.#collect(this.#child.stdout, (text) => this.#stdout += text),
      this.#collect(this.#child.stderr, (text) => this.#stderr += text),
      input === undefined ? undefined : this.#give(input),
    ]);
    void this.#child.status.then(({ code }) => this.#code = code);
  }

  /** Runs it to its end. */
  static async run(line: string, options: ShellOptions & { timeoutMs?: number } = {}) {
    await using command = new ShellCommand(line, options);
    return await command.ended(options.timeoutMs);
  }

  /** Standard output so far. */
  get stdout(): string {
    return this.#stdout;
  }

  /** Standard error so far. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Process id of the shell, which is the group's too. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Waits for output (of either kind) that fits. */
  async shows(pattern: RegExp, timeoutMs = 30_000): Promise<RegExpExecArray> {
    return await eventually(`${this.#line} to show ${pattern}`, () => {
      const found = pattern.exec(this.#stdout) ?? pattern.exec(this.#stderr);
      if (found === null && this.#code !== undefined) {
        throw new Error(
          `${this.#line} ended with ${this.#code}, without ${pattern}:\n${this.#all}`,
        );
      }
      return found ?? undefined;
    }, { timeoutMs }).catch((error) => {
      throw new Error(`${error.message}\n${this.#all}`, { cause: error });
    });
  }

  /** Sends a signal to every process of the group, as a terminal does at Ctrl-C. */
  signal(name: Deno.Signal): void {
    try {
      Deno.kill(-this.#child.pid, name);
    } catch (error) {
      // All of them have ended.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** Waits for its end, and for all its output. */
  async ended(timeoutMs = 30_000): Promise<ShellResult> {
    const code = await eventually(`${this.#line} to end`, () => this.#code, { timeoutMs })
      .catch((error) => {
        throw new Error(`${error.message}\n${this.#all}`, { cause: error });
      });
    await this.#outputs;
    return { code, stdout: this.#stdout, stderr: this.#stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    if (!this.#child.stdin.locked) await this.#child.stdin.close().catch(() => {});
    await Promise.all([this.#outputs, this.#child.status]);
  }

  get #all(): string {
    return `--- stdout\n${this.#stdout}\n--- stderr\n${this.#stderr}`;
  }

  async #give(input: string): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
  }

  async #collect(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) take(text);
  }
}
