import { KafkaCluster } from "../kafka/kafka_cluster.ts";
import { KafkaHelper } from "../kafka/kafka_helper.ts";
import { MOST_GROWTH, MOST_P99_TIMES, runHostileLoad } from "../support/hostile_load.ts";

const MIB = 1 << 20;

/**
 * `deno run -A tests/long/hostile_load.ts [ROUNDS]`: the hostile load in full, on loopback and bounded in
 * time. Ends with code 1 when others were not served as before, or memory did not come back.
 */
if (import.meta.main) {
  await using kafka = await KafkaCluster.start({ fast: false, onProgress: console.log });
  await using helper = await KafkaHelper.start(kafka.bootstrap, kafka);
  const rounds = Number(Deno.args[0] ?? 1);
  const { attacks, start, ends, isWhole } = await runHostileLoad({
    rounds,
    kafka: kafka.bootstrap,
    helper,
    topic: "hostile",
    quietMs: 4_000,
    memoryMs: 30_000,
    crowd: 1_000,
    note: console.log,
    // At rates that leave a machine of two cores time for server, brokers and clients.
    attacks: [
      { name: "halfOpenHandshakes", peers: 5_000, forMs: 5_000, connectsPerSecond: 500 },
      { name: "headerFloods", peers: 200, bytes: 4 * MIB, connectsPerSecond: 20 },
      { name: "hugeFrames", peers: 100, bytes: 64 * MIB, connectsPerSecond: 10 },
      { name: "hugeFrames", peers: 4, bytes: 63 * MIB, bytesPerSecond: 20 * MIB },
      { name: "fragments", peers: 2, bytes: 100 * MIB, bytesPerSecond: 20 * MIB },
      { name: "pingFloods", peers: 50, forMs: 10_000, bytesPerSecond: MIB },
      { name: "messageFloods", peers: 50, forMs: 10_000, connectsPerSecond: 10 },
      { name: "connectAndDrop", peers: 2_000, forMs: 20_000, connectsPerSecond: 200 },
      { name: "neverReading", peers: 200, forMs: 10_000, connectsPerSecond: 50 },
    ],
  });
  const slow = attacks.filter(({ quietP99Ms, p99Ms }) => p99Ms > MOST_P99_TIMES * quietP99Ms);
  const isBack = ends.at(-1)!.trimmedBytes <= MOST_GROWTH * start.trimmedBytes;
  for (const { name, quietP99Ms, p99Ms } of slow) {
    console.log(`does not hold: ${name}: p99 ${p99Ms} ms, quiet ${quietP99Ms} ms`);
  }
  console.log(`memory came back: ${isBack}; clients served: ${isWhole}`);
  Deno.exitCode = slow.length === 0 && isBack && isWhole ? 0 : 1;
}
