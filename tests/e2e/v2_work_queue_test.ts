import assert from "node:assert/strict";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { note } from "../support/note.ts";
import { workQueue } from "../support/work_queue.ts";

const sharedKafka = shareKafka({ properties: { "broker.session.timeout.ms": 2_000 } });

Deno.test("v2 work queue: nothing lost and nothing repeated wrongly, workers cut, proxies and broker killed", async () => {
  const { kafka, helper } = await sharedKafka();
  const report = await workQueue({
    kafka,
    helper,
    topic: "work",
    seed: 1,
    records: 20_000,
    disturbances: 3,
    brokerToo: true,
  });
  const { records, repeats, takenMs, slowestMs, lost, wrongRepeats, stepsBack } = report;
  note(`${records} records, ${repeats} repeats, ${takenMs} ms, slowest recovery ${slowestMs} ms`);
  assert.deepEqual({ lost, wrongRepeats, stepsBack }, { lost: 0, wrongRepeats: 0, stepsBack: 0 });
});
