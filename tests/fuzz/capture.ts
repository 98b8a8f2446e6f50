/**
 * `deno run -A tests/fuzz/capture.ts`: fills `tests/fuzz/corpus/record-batches` with what a real
 * broker has on its disk after a real producer has written with each compression, and in
 * transactions.
 *
 * @module
 */
import { join } from "node:path";
import { KafkaCluster } from "../kafka/kafka_cluster.ts";
import { KafkaHelper } from "../kafka/kafka_helper.ts";
import { folderOf } from "./fuzz.ts";

/** No file is larger: only whole batches up to here. */
const MOST_BYTES = 4_096;

if (import.meta.main) {
  await using cluster = await KafkaCluster.start({ onProgress: console.error });
  await using helper = await KafkaHelper.start(cluster.bootstrap, cluster);
  const folder = folderOf("record batches");
  await Deno.mkdir(folder, { recursive: true });
  const keep = async (name: string, topic: string) => {
    const segment = join(cluster.nodes[0].dataFolder, `${topic}-0`, "00000000000000000000.log");
    const bytes = wholeBatches(await Deno.readFile(segment));
    await Deno.writeFile(join(folder, name), bytes);
    console.log(`${name}: ${bytes.length} bytes`);
  };
  for (const compression of ["none", "gzip", "snappy", "lz4", "zstd"] as const) {
    const topic = `captured-${compression}`;
    await helper.createTopic(topic);
    await helper.produce({ topic, count: 40, keyed: true, compression, valueBytes: 60 });
    await keep(`kafka-${compression}`, topic);
  }
  await helper.createTopic("captured-transactions");
  const records = [{ topic: "captured-transactions", partition: 0, value: btoa("in doubt") }];
  for (const end of ["abort", "commit"] as const) {
    await helper.transaction({ id: `transaction-${end}`, records, end });
  }
  await keep("kafka-transactions", "captured-transactions");
}

function wholeBatches(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at + 12 <= bytes.length) {
    const end = at + 12 + view.getInt32(at + 8);
    if (end > Math.min(MOST_BYTES, bytes.length) || end === at + 12) break;
    at = end;
  }
  return bytes.subarray(0, at);
}
