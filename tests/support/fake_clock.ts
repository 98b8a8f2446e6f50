import { isFile } from "./is_file.ts";

/** Where Debian has it, by the machine's architecture. */
const LIBRARY = [...Deno.readDirSync("/usr/lib")]
  .filter(({ isDirectory }) => isDirectory)
  .map(({ name }) => `/usr/lib/${name}/faketime/libfaketimeMT.so.1`)
  .find(isFile);

/** What to do where it is missing. */
export const FAKE_CLOCK_ADVICE = "libfaketime is not installed (Debian: apt-get install faketime)";

/**
 * The wall clock of a process, which can be set while it runs; clocks that only count go on. By
 * libfaketime, which stands between the process and the system's library.
 */
export class FakeClock {
  readonly #file: string;

  /** @param file where the process reads how far it is from the real time; it is made */
  constructor(file: string) {
    this.#file = file;
    this.set(0);
  }

  /** Whether there is a libfaketime. */
  static get isInstalled(): boolean {
    return LIBRARY !== undefined;
  }

  /** The environment that gives a process this clock. */
  get env(): Readonly<Record<string, string>> {
    if (LIBRARY === undefined) throw new Error(FAKE_CLOCK_ADVICE);
    return {
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      // Looked at once a second.
      FAKETIME_CACHE_DURATION: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      // Meant for an older C library; with it, Java's timed waits do not wait.
      FAKETIME_FORCE_MONOTONIC_FIX: "0",
    };
  }

  /** Sets it so many seconds from the real time, within a second. */
  set(seconds: number): void {
    const text = seconds < 0 ? `${seconds}` : `+${seconds}`;
    Deno.writeTextFileSync(`${this.#file}.new`, `${text}\n`);
    Deno.renameSync(`${this.#file}.new`, this.#file);
  }
}
