import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const DRAIN = fileURLToPath(new URL("../bench/drain.ts", import.meta.url));

Deno.test("bench:drain runs every row once at a tiny size", async () => {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    const { code, stdout, stderr } = await drain("--records=20000", "--rounds=1", `--json=${file}`);
    assert.equal(code, 0, stderr);
    const lines = stdout.trimEnd().split("\n");
    assert.match(lines[0], /^\| row \| median records\/s \| min \| max \| x KafkaJS loop \| /);
    const rates = new Map(
      lines.slice(2).map((line) => line.split("|").map((cell) => cell.trim()))
        .map(([, row, median]) => [row, Number(median.replaceAll(",", ""))]),
    );
    const rows = [...rates.keys()].filter((row) => !row.startsWith("kcat"));
    assert.deepEqual(rows, [
      "kafka-proxy, reader",
      "kafka-proxy, group",
      "bare KafkaJS eachBatch loop in Deno",
      "bare KafkaJS eachBatch loop in Deno, with join",
      "ConsumerPerformance, fetch only",
      "ConsumerPerformance, with join",
      "the runtime alone, same frames",
    ]);
    for (const rate of rates.values()) assert.ok(rate > 0);
    const { settings, runs } = JSON.parse(await Deno.readTextFile(file));
    assert.equal(settings.records, 20_000);
    assert.ok(runs.length >= 5);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("bench:drain --profile shows the proxy's hottest functions", async () => {
  const { code, stdout, stderr } = await drain("--records=20000", "--profile");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^20000 records in .* s \(\d+ a second\)\. Busy for \d+ ms\.\n/);
  assert.match(stdout, /\| self ms \| % of busy \| function \| where \|/);
  assert.match(stdout, /src\/protocol\/v1_frames\.ts:\d+ \|/);
});

Deno.test("bench:drain ends with code 2 for an option it does not know", async () => {
  const { code, stdout, stderr } = await drain("--nonsense");
  assert.equal(code, 2);
  assert.equal(stdout, "");
  assert.match(stderr, /--nonsense[^]*Usage: /);
});

async function drain(...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", DRAIN, ...args],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
