import type { KafkaCluster } from "../kafka/kafka_cluster.ts";
import type { KafkaHelper } from "../kafka/kafka_helper.ts";
import { newTopic } from "./new_topic.ts";
import { ProxyProcess } from "./proxy_process.ts";
import { Random } from "./random.ts";
import { TcpRelay } from "./tcp_relay.ts";
import { V2Client } from "./v2_client.ts";

/** A reader that is cut again and again and goes on, each time on another process. */
export interface ResumeOptions {
  readonly kafka: KafkaCluster;
  readonly helper: KafkaHelper;
  readonly topic: string;
  readonly seed: number;
  readonly records: number;
  readonly rounds: number;
}

/** What came of it. */
export interface ResumeReport {
  readonly records: number;
  readonly rounds: number;
  /** Records that came again, because they came after the token. */
  readonly afterToken: number;
  /** Tokens that were answered with anything but `recovered`. */
  readonly notRecovered: number;
  readonly takenMs: number;
}

const PARTITIONS = 3;
const PROCESSES = 2;

/**
 * Reads a topic to its end in rounds, each begun with the last token of the round before.
 *
 * @throws {Error} when a round does not begin exactly where its token stands, or has a hole
 */
export async function resumeRounds(options: ResumeOptions): Promise<ResumeReport> {
  const { kafka, helper, topic, seed, records, rounds } = options;
  const random = new Random(seed);
  const startMs = performance.now();
  await newTopic(helper, topic, { partitions: PARTITIONS });
  await helper.produce({ topic, count: records, valueBytes: 40 });
  await using processes = new AsyncDisposableStack();
  const proxies: ProxyProcess[] = [];
  for (let i = 0; i < PROCESSES; i++) {
    const proxy = processes.use(await ProxyProcess.start({ args: ["--kafka", kafka.bootstrap] }));
    await proxy.event("kafka_connected");
    proxies.push(proxy);
  }
  const ends = await Promise.all(
    Array.from({ length: PARTITIONS }, (_, partition) => helper.listOffsets(topic, partition)),
  );
  let resume: string | undefined;
  /** The next offset by partition, as all rounds together have it, and as the token has it. */
  const next = Array.from({ length: PARTITIONS }, () => 0n);
  let atToken = [...next];
  let afterToken = 0;
  let notRecovered = 0;
  let round = 0;
  const isDone = () => next.every((offset, partition) => offset === BigInt(ends[partition].latest));
  while (!isDone()) {
    const proxy = proxies[round % PROCESSES];
    const isLast = round === rounds;
    const due = isLast ? Infinity : Math.ceil(records / (rounds + 1) * (0.5 + random.next()));
    await using relay = new TcpRelay(proxy.url);
    let got = 0;
    let failure: Error | undefined;
    const own = [...atToken];
    const enough = Promise.withResolvers<void>();
    const client = await V2Client.open(relay.through(proxy.url), {
      keep: false,
      onFrame: (frame) => {
        if (frame.type === "subscribed") {
          if (resume !== undefined && frame.recovered !== true) notRecovered++;
          for (const position of frame.partitions) {
            if (BigInt(position.next) === own[position.partition]) continue;
            failure ??= new Error(`Round ${round}: ${JSON.stringify(position)}, not ${own}`);
          }
        }
        if (frame.type === "position") {
          resume = frame.resume;
          atToken = [...own];
        }
      },
      onRecords: ({ partition, records: found }) => {
        for (const { offset } of found) {
          if (BigInt(offset) !== own[partition]) {
            failure ??= new Error(`Round ${round}: ${partition}:${offset}, due ${own[partition]}`);
          }
          own[partition]++;
          got++;
          if (own[partition] <= next[partition]) afterToken++;
          else next[partition] = own[partition];
        }
        if (failure !== undefined || isDone() || got >= due && resume !== undefined) {
          enough.resolve();
        }
      },
    });
    client.send({
      type: "subscribe",
      topics: [topic],
      ...resume === undefined ? { from: "earliest" } : { resume },
      rate: Math.ceil(records / (rounds + 1)),
    });
    await Promise.race([enough.promise, client.closed]);
    relay.cut();
    await client.closed;
    if (failure !== undefined) throw failure;
    round++;
  }
  const takenMs = Math.round(performance.now() - startMs);
  return { records, rounds: round, afterToken, notRecovered, takenMs };
}
