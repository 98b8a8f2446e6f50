import { eventually } from "../support/eventually.ts";

/**
 * The shell that stands between: it tells the process id, waits for the process (so that it does
 * not stay as a zombie) and leaves its exit code in a file.
 */
const SUPERVISE = `{
  "$@" >>"$LOG_FILE" 2>&1 </dev/null &
  : >"$FOLDER/pids/$!"
  echo $! >"$RUN_FOLDER/pid"
  wait $!
  code=$?
  rm -f "$FOLDER/pids/$!"
  echo $code >"$RUN_FOLDER/exit"
} >/dev/null 2>&1 </dev/null &`;

/**
 * A program that runs without a handle of this process: a `Deno.ChildProcess` kept from one test to
 * the next is reported as a leak. A Ctrl-C in the terminal does not reach it.
 */
export class DetachedProcess {
  readonly pid: number;
  readonly #runFolder: string;

  private constructor(pid: number, runFolder: string) {
    this.pid = pid;
    this.#runFolder = runFolder;
  }

  /**
   * Starts `command`, with `env` beside what this process has; its output is appended to `logFile`.
   * While it runs, an empty file of its number is in `pids/` of `folder`.
   */
  static async start(
    command: string,
    args: readonly string[],
    { logFile, folder, env = {} }: {
      logFile: string;
      folder: string;
      env?: Readonly<Record<string, string>>;
    },
  ): Promise<DetachedProcess> {
    const runFolder = await Deno.makeTempDir({ dir: folder, prefix: "run-" });
    await new Deno.Command("sh", {
      args: ["-c", SUPERVISE, "sh", command, ...args],
      env: { ...env, LOG_FILE: logFile, FOLDER: folder, RUN_FOLDER: runFolder },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    const pid = await eventually(
      `the process id of ${command}`,
      () => readNumber(`${runFolder}/pid`),
      { everyMs: 2 },
    );
    return new DetachedProcess(pid, runFolder);
  }

  /** The exit code once it has ended (128 + number after a signal), `undefined` while it runs. */
  get exitCode(): number | undefined {
    return readNumber(`${this.#runFolder}/exit`);
  }

  /** Sends a signal; does nothing after the end. */
  signal(name: Deno.Signal): void {
    if (this.exitCode !== undefined) return;
    try {
      Deno.kill(this.pid, name);
    } catch (error) {
      // It ended a moment ago.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** SIGKILL, and waits for the end; works on a stopped process too. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.ended();
  }

  /** Waits for the end and gives the exit code. */
  async ended(timeoutMs = 30_000): Promise<number> {
    return await eventually(`process ${this.pid} to end`, () => this.exitCode, {
      timeoutMs,
      everyMs: 5,
    });
  }
}

/** The number in a file, `undefined` until its whole line is there. */
function readNumber(path: string): number | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  return text.endsWith("\n") ? Number(text) : undefined;
}
