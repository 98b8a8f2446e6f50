import { COMMANDS } from "./cli/commands.ts";
import { runCommand } from "./cli/run_command.ts";
import type { Shell } from "./cli/shell.ts";

const SHELL: Shell = {
  args: Deno.args,
  env: Deno.env.toObject(),
  print: (line) => console.log(line),
  complain: (line) => console.error(`kafka-proxy: ${line}`),
  readText: (path) => Deno.readTextFile(path),
  readBytes: (path) => Deno.readFile(path),
  stdin: {
    get isTerminal() {
      return Deno.stdin.isTerminal();
    },
    text: () => new Response(Deno.stdin.readable).text(),
    chunks: () => Deno.stdin.readable,
    hiddenLine,
  },
  stdout: {
    get isTerminal() {
      return Deno.stdout.isTerminal();
    },
    write: writeAll,
  },
  stderr: {
    get isTerminal() {
      return Deno.stderr.isTerminal();
    },
    write: (bytes) => Deno.stderr.write(bytes),
  },
  onSignal: (signal, listener) => Deno.addSignalListener(signal, listener),
  exit: (code) => Deno.exit(code),
};

async function writeAll(bytes: Uint8Array): Promise<boolean> {
  try {
    for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return false;
    throw error;
  }
}

/** Longest line that is read from a terminal, in bytes. */
const MAX_LINE_BYTES = 4096;

/** Raw mode is the only one in which a terminal does not show what is typed. */
async function hiddenLine(prompt: string): Promise<string | undefined> {
  await Deno.stderr.write(new TextEncoder().encode(prompt));
  Deno.stdin.setRaw(true);
  try {
    const typed: number[] = [];
    const chunk = new Uint8Array(256);
    while (typed.length < MAX_LINE_BYTES) {
      const length = await Deno.stdin.read(chunk);
      if (length === null) return undefined;
      for (const byte of chunk.subarray(0, length)) {
        if (byte === 3 || byte === 4) return undefined; // Ctrl-C, Ctrl-D
        if (byte === 13 || byte === 10) return new TextDecoder().decode(new Uint8Array(typed));
        if (byte === 127 || byte === 8) typed.pop();
        else typed.push(byte);
      }
    }
    return undefined;
  } finally {
    Deno.stdin.setRaw(false);
    await Deno.stderr.write(new TextEncoder().encode("\n"));
  }
}

if (import.meta.main) Deno.exit(await runCommand(COMMANDS, SHELL));
