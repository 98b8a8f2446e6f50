import type { Shell } from "../../src/cli/shell.ts";

/** What a command is given, and what it wrote. */
export class FakeShell implements Shell {
  readonly printed: string[] = [];
  readonly complaints: string[] = [];
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
  readonly stdin: Shell["stdin"];
  /** Bytes on standard output, as text. */
  written = "";
  readonly stdout = {
    isTerminal: false,
    write: (bytes: Uint8Array) => {
      this.written += new TextDecoder().decode(bytes);
      return Promise.resolve(true);
    },
  };
  readonly stderr = {
    isTerminal: false,
    write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
  };

  constructor(
    args: readonly string[],
    given: {
      env?: Record<string, string>;
      files?: Record<string, string>;
      stdin?: string;
      /** Lines that are typed; the standard input is a terminal then. */
      typed?: (string | undefined)[];
    } = {},
  ) {
    this.args = args;
    this.env = given.env ?? {};
    this.files = given.files ?? {};
    const typed = [...given.typed ?? []];
    this.stdin = {
      isTerminal: given.typed !== undefined,
      text: () => Promise.resolve(given.stdin ?? ""),
      chunks: () => new Blob([given.stdin ?? ""]).stream(),
      hiddenLine: () => Promise.resolve(typed.shift()),
    };
  }

  print = (line: string): void => {
    this.printed.push(line);
  };

  complain = (line: string): void => {
    this.complaints.push(line);
  };

  readText = (path: string): Promise<string> => {
    const text = this.files[path];
    return text === undefined ? Promise.reject(new Error("No such file")) : Promise.resolve(text);
  };

  readBytes = async (path: string): Promise<Uint8Array> =>
    new TextEncoder().encode(await this.readText(path));

  onSignal = (): void => {};

  exit = (code: number): never => {
    throw new Error(`exit ${code}`);
  };
}
