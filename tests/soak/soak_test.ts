import assert from "node:assert/strict";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { soakPicture } from "./soak_picture.ts";
import { soak, soakProblems } from "./soak_run.ts";

const sharedKafka = shareKafka();

// What a figure grows by takes many minutes to see: `deno task soak`.
Deno.test("clients of all kinds come and go for ten seconds, and none misses a record", async () => {
  const { kafka, helper } = await sharedKafka();
  const report = await soak({
    bootstrap: kafka.bootstrap,
    helper,
    topic: "soak",
    seconds: 10,
    seed: 1,
    recordsPerSecond: 200,
    kinds: {
      reader: 5,
      patientReader: 5,
      binaryReader: 3,
      pinnedGroup: 3,
      ackingGroup: 3,
      producer: 3,
      sleeper: 2,
      vanisher: 2,
      dropper: 2,
    },
    staySeconds: [1, 4],
    sampleSeconds: 1,
  });
  const { clients, samples } = report;
  assert.deepEqual(soakProblems({ ...report, slopes: [] }), []);
  assert.ok(clients.records > 5_000, `${clients.records} records`);
  assert.ok(clients.produced > 0, `${clients.produced} records written by clients`);
  assert.ok(clients.clients > 40, `${clients.clients} clients`);
  assert.equal(samples.length, 10);
  const [{ heapMb, fileDescriptors, timers, brokerConnections }] = samples.slice(-1);
  assert.ok(
    heapMb > 0 && fileDescriptors > 10 && timers > 10 && brokerConnections > 0,
    JSON.stringify(samples),
  );
  assert.match(soakPicture(samples), /<polyline points="\d/);
});
