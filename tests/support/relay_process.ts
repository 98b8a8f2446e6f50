import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("relay_program.ts", import.meta.url));

/**
 * A relay in a process of its own, that counts what the server behind it sends.
 *
 * Holds nothing between calls that the test sanitizers would see.
 */
export class RelayProcess implements AsyncDisposable {
  readonly port: number;
  readonly #child: Deno.ChildProcess;
  readonly #figures: string;

  private constructor(child: Deno.ChildProcess, [port, figuresPort]: readonly string[]) {
    this.#child = child;
    this.port = Number(port);
    this.#figures = `http://127.0.0.1:${figuresPort}/`;
  }

  /** @param target a URL, of which host and port count */
  static async start(target: string): Promise<RelayProcess> {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", PROGRAM, target],
      stdin: "null",
      stdout: "piped",
    }).spawn();
    const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.endsWith("\n")) {
      const { done, value } = await output.read();
      if (done) throw new Error("The relay has ended");
      text += value;
    }
    await output.cancel();
    return new RelayProcess(child, text.trimEnd().split(" "));
  }

  /** Bytes the server has sent so far. */
  async movedBytes(): Promise<number> {
    const answer = await fetch(this.#figures);
    return Number(await answer.text());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
  }
}
