/** What a command sees of the process it runs in; `main.ts` makes it of the real one. */
export interface Shell {
  /** Arguments after the command's name. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Writes a line on standard output. */
  print(line: string): void;
  /** Writes a line on standard error, the program's name before it. */
  complain(line: string): void;
  /** Reads a file as UTF-8. */
  readText(path: string): Promise<string>;
  readBytes(path: string): Promise<Uint8Array>;
  readonly stdin: {
    readonly isTerminal: boolean;
    /** All of it, as UTF-8. */
    text(): Promise<string>;
    /** All of it, as it comes. */
    chunks(): AsyncIterable<Uint8Array>;
    /** A line that the terminal does not show; `undefined` at its end. */
    hiddenLine(prompt: string): Promise<string | undefined>;
  };
  readonly stdout: {
    readonly isTerminal: boolean;
    /** Writes all of it; false when nobody reads it any more. */
    write(bytes: Uint8Array): Promise<boolean>;
  };
  readonly stderr: {
    readonly isTerminal: boolean;
    write(bytes: Uint8Array): Promise<number>;
  };
  /** Calls `listener` at each such signal. */
  onSignal(signal: "SIGTERM" | "SIGINT" | "SIGHUP", listener: () => void): void;
  /** Ends the process at once, from a signal or a timer. */
  exit(code: number): never;
}

/** Exit codes of all commands. */
export const EXIT = {
  /** Everything went as asked. */
  done: 0,
  /** It failed. */
  failed: 1,
  /** It was asked for wrongly. */
  misused: 2,
} as const;

/** Reports mistakes of whoever typed the command. */
export function misused(
  shell: Shell,
  problems: readonly string[],
  hint = "--help shows all settings",
): number {
  for (const problem of problems) shell.complain(problem);
  shell.complain(hint);
  return EXIT.misused;
}
