import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("relay_program.ts", import.meta.url));

/** A relay in a process of its own, that counts what the server behind it sends. */
export class RelayProcess implements AsyncDisposable {
  readonly port: number;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<string>;

  private constructor(
    child: Deno.ChildProcess,
    output: ReadableStreamDefaultReader<string>,
    port: number,
  ) {
    this.#child = child;
    this.#input = child.stdin.getWriter();
    this.#output = output;
    this.port = port;
  }

  /** @param target a URL, of which host and port count */
  static async start(target: string): Promise<RelayProcess> {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", PROGRAM, target],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    return new RelayProcess(child, output, await readNumber(output));
  }

  /** Bytes the server has sent so far. */
  async movedBytes(): Promise<number> {
    await this.#input.write(new TextEncoder().encode("\n"));
    return await readNumber(this.#output);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#input.abort().catch(() => {
      // The process is gone, which is what we want.
    });
    await this.#output.cancel();
    await this.#child.status;
  }
}

/** A line of digits. */
async function readNumber(output: ReadableStreamDefaultReader<string>): Promise<number> {
  let text = "";
  while (!text.endsWith("\n")) {
    const { done, value } = await output.read();
    if (done) throw new Error("The relay has ended");
    text += value;
  }
  return Number(text);
}
