import assert from "node:assert/strict";
import { LineQueue } from "../../src/observe/line_queue.ts";
import type { LogEntry } from "../../src/observe/record_line.ts";
import { stderrSink } from "../../src/observe/stderr_sink.ts";

const TIME = Date.UTC(2026, 0, 2, 3, 4, 5, 6);

function entry(properties: Record<string, unknown>, rawMessage = "Hello"): LogEntry {
  const message = rawMessage.split(/\{(\w+)\}/).map((part, at) =>
    at % 2 === 0 ? part : properties[part]
  );
  return {
    category: ["kafka-proxy"],
    level: "info",
    message,
    rawMessage,
    timestamp: TIME,
    properties,
  };
}

/** Takes everything at once and keeps it as text. */
class Kept {
  text = "";
  write(bytes: Uint8Array): Promise<number> {
    this.text += new TextDecoder().decode(bytes);
    return Promise.resolve(bytes.length);
  }
}

/** Takes nothing until it is opened. */
class Stuck extends Kept {
  #open = Promise.withResolvers<void>();
  override async write(bytes: Uint8Array): Promise<number> {
    await this.#open.promise;
    return await super.write(bytes);
  }
  open(): void {
    this.#open.resolve();
  }
}

async function written(format: "json" | "text", ...records: LogEntry[]): Promise<string> {
  const writer = new Kept();
  const sink = stderrSink({ writer, format });
  for (const record of records) sink(record);
  await sink.flush(1000);
  return writer.text;
}

Deno.test("stderrSink() writes a line of JSON with time, level, event, fields, message", async () => {
  const record = entry(
    { event: "listening", address: "ws://127.0.0.1:9999/" },
    "Listening on {address}",
  );
  assert.equal(
    await written("json", record),
    '{"time":"2026-01-02T03:04:05.006Z","level":"info","event":"listening",' +
      '"address":"ws://127.0.0.1:9999/","message":"Listening on ws://127.0.0.1:9999/"}\n',
  );
});

Deno.test("stderrSink() writes bigint as decimal text, both forms", async () => {
  const record = entry({ event: "e", offset: 9007199254740993n, list: [1n, 2n] }, "At {offset}");
  assert.match(await written("json", record), /"offset":"9007199254740993","list":\["1","2"\]/);
  assert.match(await written("text", record), /At 9007199254740993 list=1,2\n$/);
});

Deno.test("stderrSink() names the category, a record of another library", async () => {
  const record = { ...entry({ a: 1 }), category: ["logtape", "meta"] };
  assert.match(await written("json", record), /"category":"logtape\.meta","a":1,"message":"Hello"/);
});

Deno.test("stderrSink() keeps time, level and event first, fields of the same names", async () => {
  const line = await written("json", entry({ time: "x", level: "y", event: "e", message: "z" }));
  assert.equal(
    line,
    '{"time":"2026-01-02T03:04:05.006Z","level":"info","event":"e","message":"Hello"}\n',
  );
});

Deno.test("stderrSink() writes time, level, message and the fields it leaves out, text", async () => {
  const record = entry(
    { event: "closed", code: 1001, reason: "going away", topic: "t", empty: "", equal: "a=b" },
    "Closed with {code}",
  );
  assert.equal(
    await written("text", record),
    "2026-01-02T03:04:05.006Z INFO    Closed with 1001 " +
      'reason="going away" topic=t empty="" equal="a=b"\n',
  );
});

Deno.test("stderrSink() writes one line, whatever a client put into a field", async () => {
  const evil = "a\r\n{}\u001b[31m\u2028b\u0085";
  const record = entry({ event: "e", topic: evil, shown: evil }, "Topic {shown}");
  for (const format of ["json", "text"] as const) {
    const text = await written(format, record);
    assert.equal(text.indexOf("\n"), text.length - 1);
    assert.ok(!text.includes("\u001b"));
  }
});

Deno.test("stderrSink() keeps the order of records", async () => {
  const records = Array.from({ length: 500 }, (_, n) => entry({ event: "e", n }));
  const lines = (await written("json", ...records)).trimEnd().split("\n");
  assert.deepEqual(lines.map((line) => JSON.parse(line).n), records.map((_, n) => n));
});

Deno.test("stderrSink() writes a line all the same, a record that cannot be formatted", async () => {
  const record = entry({ event: "e", broken: { toJSON: () => assert.fail("no") } });
  const text = await written("json", record, entry({ event: "next" }));
  assert.match(text, /"message":"A log record cannot be written"\}\n.*"event":"next"/);
});

Deno.test("stderrSink() neither throws nor waits, a writer that fails in either way", async () => {
  const writers = [
    { write: () => Promise.reject(new Deno.errors.BrokenPipe("closed")) },
    {
      write: (): Promise<number> => {
        throw new Deno.errors.BadResource("closed");
      },
    },
    { write: () => Promise.resolve(0) },
  ];
  for (const writer of writers) {
    const sink = stderrSink({ writer, format: "json" });
    sink(entry({ event: "one" }));
    await sink.flush(1000);
    sink(entry({ event: "two" }));
    await sink.flush(1000);
    assert.equal(sink.lostLines(), 2);
  }
});

Deno.test("stderrSink() bounds what waits, loses lines and says so, a reader that stops", async () => {
  const writer = new Stuck();
  const sink = stderrSink({ writer, format: "json", maxBytes: 1000 });
  for (let n = 0; n < 100; n++) sink(entry({ event: "e", n }));
  const lost = sink.lostLines();
  assert.ok(lost > 80 && lost < 100, `${lost} lost`);
  writer.open();
  await sink.flush(1000);
  const lines = writer.text.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.equal(lines.length, 100 - lost + 1);
  assert.deepEqual(lines.filter((line) => line.event !== "e").map((line) => line.lines), [lost]);
  assert.equal(lines.find((line) => line.event !== "e").event, "log_lines_lost");
});

Deno.test("stderrSink() reports a loss once, the writer mended", async () => {
  const writer = new Kept();
  let broken = true;
  const flaky = {
    write: (bytes: Uint8Array) =>
      broken ? Promise.reject(new Error("EAGAIN")) : writer.write(bytes),
  };
  const sink = stderrSink({ writer: flaky, format: "text" });
  sink(entry({ event: "lost" }));
  await sink.flush(1000);
  broken = false;
  sink(entry({ event: "kept" }, "Kept"));
  await sink.flush(1000);
  sink(entry({ event: "kept" }, "Kept"));
  await sink.flush(1000);
  assert.match(writer.text, /WARNING Log lines were lost.* lines=1\n.*Kept\n.*Kept\n$/);
});

Deno.test("LineQueue.flush() gives up after its time, a writer that never answers", async () => {
  const writer = new Stuck();
  const queue = new LineQueue({ writer, lossLine: () => "" });
  queue.push("a\n");
  await queue.flush(1);
  assert.equal(writer.text, "");
  writer.open();
  await queue.flush(1000);
  assert.equal(writer.text, "a\n");
});

Deno.test("LineQueue.push() writes every byte, a writer that takes three at a time", async () => {
  const kept: number[] = [];
  const writer = {
    write(bytes: Uint8Array) {
      kept.push(...bytes.subarray(0, 3));
      return Promise.resolve(Math.min(3, bytes.length));
    },
  };
  const queue = new LineQueue({ writer, lossLine: () => "" });
  queue.push("grün\n");
  queue.push("blau\n");
  await queue.flush(1000);
  assert.equal(new TextDecoder().decode(new Uint8Array(kept)), "grün\nblau\n");
});

Deno.test("LineQueue.push() writes at once, nothing waiting", () => {
  const writer = new Kept();
  new LineQueue({ writer, lossLine: () => "" }).push("first\n");
  assert.equal(writer.text, "first\n");
});
