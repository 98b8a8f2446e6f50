import { fileURLToPath } from "node:url";
import type { ManyReadersOptions, ReadersCommand, ReadersReport } from "./many_readers.ts";

const PROGRAM = fileURLToPath(new URL("many_readers.ts", import.meta.url));

/** What the bytes read at a time may add up to. */
const READ_BUDGET_BYTES = 128 << 20;

/** Many clients in a process of their own. */
export class ReadersProcess implements AsyncDisposable {
  /** When all were open. */
  readonly opened: ReadersReport;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncIterator<string>;
  #isOver = false;

  private constructor(
    child: Deno.ChildProcess,
    lines: AsyncIterator<string>,
    opened: ReadersReport,
  ) {
    this.#child = child;
    this.#input = child.stdin.getWriter();
    this.#lines = lines;
    this.opened = opened;
  }

  /** Starts it, and waits until all are open. */
  static async start(
    options: Pick<ManyReadersOptions, "url" | "sockets" | "from" | "valueBytes" | "v2Topic">,
  ): Promise<ReadersProcess> {
    const share = Math.floor(READ_BUDGET_BYTES / options.sockets);
    const readBytes = Math.min(Math.max(share, 8 << 10), 256 << 10);
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", PROGRAM, JSON.stringify({ parallel: 50, readBytes, ...options })],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const lines = linesOf(child.stdout);
    const opened = await nextReport(lines);
    return new ReadersProcess(child, lines, opened);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Waits until every reader has every record before an offset. */
  async until(offset: number): Promise<ReadersReport> {
    await this.#send({ until: offset });
    return await nextReport(this.#lines);
  }

  /** What has come so far; not while a goal is waited for. */
  async look(): Promise<ReadersReport> {
    await this.#send({ look: true });
    return await nextReport(this.#lines);
  }

  /** From now on all of them read, or none. */
  async read(reading: boolean): Promise<void> {
    await this.#send({ reading });
  }

  /** May be called again. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#child.kill("SIGKILL");
    await this.#input.abort().catch(() => {
      // The process is gone, which is what we want.
    });
    await this.#lines.return?.();
    await this.#child.status;
  }

  async #send(command: ReadersCommand): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${JSON.stringify(command)}\n`));
  }
}

async function nextReport(lines: AsyncIterator<string>): Promise<ReadersReport> {
  const { done, value } = await lines.next();
  if (done) throw new Error("The readers have ended");
  return JSON.parse(value);
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}
