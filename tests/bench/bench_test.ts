import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

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
  assert.match(stdout, /src\/protocol\/\w+\.ts:\d+ \|/);
});

Deno.test("bench:drain ends with code 2 for an option it does not know", async () => {
  const { code, stdout, stderr } = await drain("--nonsense");
  assert.equal(code, 2);
  assert.equal(stdout, "");
  assert.match(stderr, /--nonsense[^]*Usage: /);
});

for (
  const [name, column, rows] of [
    ["fanout", "deliveries/s", 4],
    ["latency", "proxy p99", 2],
    ["memory", "KB each", 2],
    ["first_record", "median ms", 4],
    ["idle_cpu", "% of a core", 2],
    ["codecs", "records/s", 5],
  ] as const
) {
  Deno.test(`bench:${name} runs every row once at a tiny size`, async () => {
    const file = await Deno.makeTempFile({ suffix: ".json" });
    try {
      const args = ["--small", "--rounds=1", `--json=${file}`];
      const { code, stdout, stderr } = await run(`${name}.ts`, args);
      assert.equal(code, 0, stderr);
      const lines = stdout.trimEnd().split("\n");
      assert.match(lines[0], new RegExp(`^\\| row \\| .*${column.replace("/", "\\/")}`));
      assert.equal(lines.length, 2 + rows);
      const { benchmark, runs } = JSON.parse(await Deno.readTextFile(file));
      assert.equal(benchmark, name);
      assert.equal(runs.length, rows);
      for (const { figures } of runs) assert.ok(Number.isFinite(figures[column]));
    } finally {
      await Deno.remove(file);
    }
  });
}

function drain(...args: string[]) {
  return run("drain.ts", args);
}

async function run(file: string, args: readonly string[]) {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", path, ...args],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
