import { fileURLToPath } from "node:url";
import { eventually } from "./eventually.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** One line of the server's log. */
export interface LogLine {
  readonly event: string;
  readonly level: string;
  readonly [field: string]: unknown;
}

/** How the command line is run. */
export interface ProxyProcessOptions {
  /** Arguments after `src/main.ts`. */
  readonly args?: readonly string[];
  /** Added to what this process has, less its own `KAFKA_PROXY_*`. */
  readonly env?: Readonly<Record<string, string>>;
  /** What goes before the command. */
  readonly before?: readonly string[];
  /** @default {["-P=server"]} */
  readonly permissions?: readonly string[];
  /** A module that is loaded before the server's own. */
  readonly preload?: string;
}

/**
 * The real command line as a process of its own: `deno run -P=server src/main.ts ...`, as
 * `deno task start` runs it.
 *
 * Standard error is read all the time: log records are in {@linkcode log}, everything else in
 * {@linkcode otherLines}.
 *
 * ```ts ignore
 * await using proxy = await ProxyProcess.start({ args: ["--kafka", kafka.bootstrap] });
 * const socket = new WebSocket(`${proxy.url}?topic=orders`);
 * ```
 */
export class ProxyProcess implements AsyncDisposable {
  /** Log records so far. */
  readonly log: LogLine[] = [];
  /** Lines on standard error that are no log records: Deno's own, and the server's plain messages. */
  readonly otherLines: string[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #outputs: Promise<unknown>;
  #stdout = "";
  #status: Deno.CommandStatus | undefined;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#outputs = Promise.all([
      readLines(child.stderr, (line) => this.#take(line)),
      readLines(child.stdout, (line) => this.#stdout += `${line}\n`),
      child.status.then((status) => this.#status = status),
    ]);
  }

  /** Starts it on a free port, and waits until it listens; Kafka may be away. */
  static async start(options: ProxyProcessOptions = {}): Promise<ProxyProcess> {
    const args = options.args ?? [];
    const port = args.includes("--port") ? [] : ["--port", "0"];
    const proxy = ProxyProcess.spawn({ ...options, args: [...args, ...port] });
    try {
      await proxy.event("listening");
      return proxy;
    } catch (error) {
      await proxy[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts it with these arguments and waits for nothing. */
  static spawn(options: ProxyProcessOptions = {}): ProxyProcess {
    const { args = [], env = {}, permissions = ["-P=server"], before = [], preload } = options;
    const inherited = Object.entries(Deno.env.toObject())
      .filter(([name]) => !name.startsWith("KAFKA_PROXY_"));
    const flags = ["run", "--v8-flags=--heap-growing-percent=25", ...permissions];
    if (preload !== undefined) flags.push("--preload", preload);
    const [program, ...rest] = [...before, Deno.execPath(), ...flags, "src/main.ts", ...args];
    const child = new Deno.Command(program, {
      args: rest,
      cwd: ROOT,
      clearEnv: true,
      env: {
        ...Object.fromEntries(inherited),
        DENO_USE_WRITEV: "1",
        DENO_USR2_MEMORY_TRIM: "1",
        NO_COLOR: "1",
        ...env,
      },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new ProxyProcess(child);
  }

  /** Runs it to its end. */
  static async run(options: ProxyProcessOptions, timeoutMs = 30_000): Promise<Ended> {
    await using proxy = ProxyProcess.spawn(options);
    return await proxy.ended(timeoutMs);
  }

  /** Of its process. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Where it listens, with the slash at the end. */
  get url(): string {
    const [listening] = this.events("listening");
    if (listening === undefined) throw new Error("Cannot tell the address: it does not listen");
    return String(listening.address);
  }

  /** The same for plain HTTP. */
  get httpUrl(): string {
    return this.url.replace(/^ws/, "http");
  }

  /** All of standard output so far. */
  get stdout(): string {
    return this.#stdout;
  }

  /** Physical memory it has now, in bytes (`VmRSS` of Linux). */
  get rssBytes(): number {
    const status = Deno.readTextFileSync(`/proc/${this.pid}/status`);
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
  }

  /** Log records of one event so far. */
  events(name: string): LogLine[] {
    return this.log.filter(({ event }) => event === name);
  }

  /**
   * Waits for a log record that fits.
   *
   * @throws {Error} with all it has written so far
   */
  async event(
    name: string,
    fits: (line: LogLine) => boolean = () => true,
    timeoutMs = 20_000,
  ): Promise<LogLine> {
    try {
      return await eventually(`the proxy to log ${name}`, () => {
        const found = this.events(name).find(fits);
        if (found !== undefined || this.#status === undefined) return found;
        throw new Error(`The proxy ended with ${this.#status.code} before it logged ${name}`);
      }, { timeoutMs });
    } catch (error) {
      const lines = [...this.otherLines, ...this.log.map((line) => JSON.stringify(line))];
      throw new Error([(error as Error).message, ...lines].join("\n"), { cause: error });
    }
  }

  /** Sends a signal; does nothing after the end. */
  signal(name: Deno.Signal): void {
    if (this.#status === undefined) this.#child.kill(name);
  }

  /** Waits for its end and all its output. */
  async ended(timeoutMs = 10_000): Promise<Ended> {
    const status = await eventually("the proxy to end", () => this.#status, {
      timeoutMs,
      everyMs: 5,
    });
    await this.#outputs;
    return { code: status.code, signal: status.signal, log: this.log, ...this.#texts() };
  }

  /** SIGKILL, if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await this.#outputs;
  }

  #texts() {
    return { stdout: this.#stdout, otherLines: this.otherLines };
  }

  #take(line: string): void {
    if (line.startsWith("{")) {
      const record: Record<string, unknown> = JSON.parse(line);
      this.log.push({ ...record, event: `${record.event}`, level: `${record.level}` });
    } else if (line !== "") {
      this.otherLines.push(line);
    }
  }
}

/** What is left of a process. */
export interface Ended {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly otherLines: readonly string[];
  readonly log: readonly LogLine[];
}

async function readLines(
  stream: ReadableStream<Uint8Array>,
  take: (line: string) => void,
): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    lines.forEach(take);
  }
  if (rest !== "") take(rest);
}
