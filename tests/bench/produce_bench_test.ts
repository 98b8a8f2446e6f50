import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { readProduceOptions } from "./produce_options.ts";

const PRODUCE = fileURLToPath(new URL("../bench/produce.ts", import.meta.url));

Deno.test("bench:produce runs every row once at a tiny size", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", PRODUCE, "--records=5000", "--rounds=1", "--partitions=2"],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  assert.equal(code, 0, decoder.decode(stderr));
  const lines = decoder.decode(stdout).trimEnd().split("\n");
  assert.equal(lines.length, 7);
  for (const line of lines.slice(2)) {
    const median = Number(line.split("|")[2].replaceAll(",", ""));
    assert.ok(median > 0, line);
  }
});

Deno.test("readProduceOptions() refuses what is no count", () => {
  assert.throws(() => readProduceOptions(["--records", "0"]), /--records 0/);
  assert.throws(() => readProduceOptions(["--nonsense"]), TypeError);
  assert.equal(readProduceOptions(["--help"]), undefined);
});
