import type { Shell } from "./shell.ts";

/** Pause between two pictures, in ms. */
const DRAW_MS = 250;

/** A line on a terminal that says how far a command is, drawn over again and again. */
export class ProgressLine {
  readonly #shell: Shell;
  readonly #verb: string;
  readonly #startMs = performance.now();
  #timer: ReturnType<typeof setInterval> | undefined;
  #records = 0;
  #bytes = 0;
  #where = "";

  /** @param verb `read`, `written` */
  constructor(shell: Shell, verb: string) {
    this.#shell = shell;
    this.#verb = verb;
  }

  /** Draws it from now on, unless standard error is no terminal. */
  start(): void {
    if (!this.#shell.stderr.isTerminal) return;
    this.#timer = setInterval(() => void this.#draw(""), DRAW_MS);
  }

  /** Counts records, and says where the last one is. */
  add(records: number, bytes: number, where: string): void {
    this.#records += records;
    this.#bytes += bytes;
    this.#where = where;
  }

  /**
   * Draws it for the last time, and leaves it there. Resolves when that is written: a process that
   * ends before would leave an older line.
   */
  async end(): Promise<void> {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#draw("\n");
  }

  async #draw(end: string): Promise<void> {
    const seconds = Math.max((performance.now() - this.#startMs) / 1_000, 0.001);
    const rate = Math.round(this.#records / seconds).toLocaleString("en");
    const text = `${this.#records.toLocaleString("en")} ${this.#verb}, ${size(this.#bytes)}, ` +
      `${rate} records/s${this.#where === "" ? "" : `, ${this.#where}`}`;
    const isPlain = (this.#shell.env.NO_COLOR ?? "") !== "";
    const shown = isPlain ? text : `\x1b[2m${text}\x1b[0m`;
    await this.#shell.stderr.write(new TextEncoder().encode(`\r\x1b[2K${shown}${end}`));
  }
}

function size(bytes: number): string {
  if (bytes < 1_024) return `${bytes} B`;
  if (bytes < 1 << 20) return `${(bytes / 1_024).toFixed(1)} KiB`;
  return `${(bytes / (1 << 20)).toFixed(1)} MiB`;
}
