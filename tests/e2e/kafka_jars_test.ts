import assert from "node:assert/strict";
import { ensureKafkaJars, makeOnce } from "../kafka/kafka_jars.ts";

Deno.test("ensureKafkaJars() fetches nothing, when the jars are there", async () => {
  const first = await ensureKafkaJars();
  const messages: string[] = [];
  const second = await ensureKafkaJars({ onProgress: (message) => messages.push(message) });
  assert.deepEqual(second, first);
  assert.deepEqual(messages, []);
  const names = Array.from(Deno.readDirSync(first.lib), ({ name }) => name);
  for (const part of ["kafka_2.13", "kafka-tools"]) {
    assert.ok(names.includes(`${part}-${first.version}.jar`), part);
  }
});

Deno.test("ensureKafkaJars() tells what Maven says, when there is no such version", async () => {
  const cache = await Deno.makeTempDir();
  try {
    await assert.rejects(
      ensureKafkaJars({ version: "0.0.0", cache }),
      /^Error: Cannot fetch Apache Kafka 0\.0\.0: .*ERROR/,
    );
    assert.deepEqual(
      Array.from(Deno.readDirSync(`${cache}/kafka/0.0.0`)).filter((entry) => entry.isDirectory),
      [],
    );
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
});

Deno.test("makeOnce() makes a folder once, when two ask at the same time", async () => {
  const cache = await Deno.makeTempDir();
  try {
    let count = 0;
    const make = async (folder: string) => {
      await Deno.writeTextFile(`${folder}/file`, `${++count}`);
    };
    const path = `${cache}/made`;
    await Promise.all([makeOnce(path, make), makeOnce(path, make)]);
    await makeOnce(path, make);
    assert.equal(await Deno.readTextFile(`${path}/file`), "1");
    assert.equal(count, 1);
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
});
