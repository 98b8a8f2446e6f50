import { KafkaCluster } from "../kafka/kafka_cluster.ts";
import { KafkaHelper } from "../kafka/kafka_helper.ts";
import { MOST_GROWTH, MOST_P99_TIMES, runHostileLoad } from "../support/hostile_load.ts";

const MIB = 1 << 20;

/**
 * `deno run -A tests/long/hostile_load.ts`: the hostile load in full, on loopback and bounded in
 * time. Ends with code 1 when others were not served as before, or memory did not come back.
 */
if (import.meta.main) {
  await using kafka = await KafkaCluster.start({ fast: false, onProgress: console.log });
  await using helper = await KafkaHelper.start(kafka.bootstrap, kafka);
  const { quietP99Ms, attacks, startBytes, endBytes, isWhole } = await runHostileLoad({
    kafka: kafka.bootstrap,
    helper,
    topic: "hostile",
    quietMs: 10_000,
    memoryMs: 60_000,
    note: console.log,
    attacks: [
      { name: "halfOpenHandshakes", peers: 5_000, forMs: 10_000 },
      { name: "headerFloods", peers: 200, bytes: 4 * MIB },
      { name: "hugeFrames", peers: 10, bytes: 64 * MIB },
      { name: "hugeFrames", peers: 4, bytes: 63 * MIB },
      { name: "fragments", peers: 2, bytes: 100 * MIB },
      { name: "pingFloods", peers: 50, forMs: 5_000 },
      { name: "messageFloods", peers: 50, forMs: 5_000 },
      { name: "connectAndDrop", peers: 5_000 },
      { name: "neverReading", peers: 200, forMs: 10_000 },
    ],
  });
  const slow = attacks.filter(({ p99Ms }) => p99Ms > MOST_P99_TIMES * quietP99Ms);
  const isBack = endBytes <= MOST_GROWTH * startBytes;
  for (const { name, p99Ms } of slow) {
    console.log(`does not hold: ${name}: p99 ${p99Ms} ms, quiet ${quietP99Ms} ms`);
  }
  console.log(`memory ${startBytes} bytes, then ${endBytes}; clients served: ${isWhole}`);
  Deno.exitCode = slow.length === 0 && isBack && isWhole ? 0 : 1;
}
