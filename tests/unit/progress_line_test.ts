import assert from "node:assert/strict";
import { ProgressLine } from "../../src/cli/progress_line.ts";
import type { Shell } from "../../src/cli/shell.ts";
import { isSettled } from "../support/event_loop.ts";

/** A terminal that writes as soon as `gate` resolves. */
function terminal(gate: Promise<void>) {
  const written: string[] = [];
  const stderr = {
    isTerminal: true,
    async write(bytes: Uint8Array): Promise<number> {
      await gate;
      written.push(new TextDecoder().decode(bytes));
      return bytes.length;
    },
  };
  return { written, shell: { stderr, env: { NO_COLOR: "1" } } as unknown as Shell };
}

Deno.test("ProgressLine.end resolves when the last line is written, not before", async () => {
  const gate = Promise.withResolvers<void>();
  const { written, shell } = terminal(gate.promise);
  const line = new ProgressLine(shell, "read");
  line.start();
  line.add(5_000, 2_048, "orders 0 at 4999");
  const ended = line.end();
  assert.equal(await isSettled(ended), false);
  assert.equal(written.length, 0);
  gate.resolve();
  await ended;
  assert.equal(written.length, 1);
  const [shown] = written;
  assert.ok(shown.startsWith("\r\x1b[2K5,000 read, 2.0 KiB, "), shown);
  assert.match(shown, / [\d,]+ records\/s, orders 0 at 4999\n$/);
});

Deno.test("ProgressLine writes nothing where standard error is no terminal", async () => {
  const { written, shell } = terminal(Promise.resolve());
  const line = new ProgressLine(
    { ...shell, stderr: { ...shell.stderr, isTerminal: false } },
    "read",
  );
  line.start();
  line.add(1, 1, "");
  await line.end();
  assert.equal(written.length, 0);
});
