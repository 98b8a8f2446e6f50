import { eventually } from "../support/eventually.ts";
import { HelperProcess } from "./helper_process.ts";
import type {
  AccessRule,
  BigBatch,
  GroupDescription,
  NewMember,
  NewRecord,
  NewTopic,
  NumberedRecords,
  PartitionDescription,
  Place,
  Produced,
  ProduceRequest,
  ProducerOptions,
  ReadRecord,
  ReceivedRun,
  ScramPassword,
  TopicPartition,
  Transaction,
} from "./helper_requests.ts";
import { type BrokerView, probeMetadata, type TopicView } from "./metadata_probe.ts";

/** Kafka's answer to a request for a topic that is not there. */
const UNKNOWN_TOPIC_OR_PARTITION = 3;

/**
 * Does to a cluster what tests ask for through Kafka's own Java clients: one Java process (0.5 s to
 * start), a few milliseconds a call. Calls may overlap. What changes topics returns when every node
 * that answers shows the change.
 *
 * Holds nothing between calls that the test sanitizers would see.
 */
export class KafkaHelper implements AsyncDisposable {
  readonly #process: HelperProcess;
  readonly #addresses: readonly string[];
  #lastId = 0;

  private constructor(process: HelperProcess, addresses: readonly string[]) {
    this.#process = process;
    this.#addresses = addresses;
  }

  /** For any cluster: `bootstrap` is HOST:PORT, with commas between several. */
  static async start(bootstrap: string, { version }: { version?: string } = {}) {
    const process = await HelperProcess.start(bootstrap, version);
    return new KafkaHelper(process, bootstrap.split(","));
  }

  /** Of its Java process. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Creates a topic, and waits until all nodes show all of its leaders. */
  async createTopic(topic: string, options: NewTopic = {}): Promise<void> {
    await this.#call("createTopic", { topic, ...options });
    const count = options.replicaAssignment?.length ?? options.partitions ?? 1;
    await this.#untilShown(`topic ${topic}`, topic, (view) => hasLeaders(view, count));
    await this.#untilServed(topic, count);
  }

  /** Deletes a topic, and waits until no node shows it. */
  async deleteTopic(topic: string): Promise<void> {
    await this.#call("deleteTopic", { topic });
    await this.#untilShown(
      `topic ${topic} to be gone`,
      topic,
      (view) => view.errorCode === UNKNOWN_TOPIC_OR_PARTITION,
    );
  }

  /** Grows a topic to `total` partitions. */
  async addPartitions(topic: string, total: number): Promise<void> {
    await this.#call("addPartitions", { topic, total });
    await this.#untilShown(
      `${total} partitions of ${topic}`,
      topic,
      (view) => hasLeaders(view, total),
    );
    await this.#untilServed(topic, total);
  }

  /** Sets settings of a topic; the others stay. */
  async alterTopicConfig(topic: string, configs: Record<string, string>): Promise<void> {
    await this.#call("alterTopicConfig", { topic, configs });
  }

  /** Deletes the records before an offset, so that the partition begins there. */
  async deleteRecords(topic: string, partition: number, beforeOffset: number): Promise<void> {
    await this.#call("deleteRecords", { topic, partition, beforeOffset });
  }

  /** Partitions by number. */
  async describeTopic(topic: string): Promise<PartitionDescription[]> {
    return await this.#call("describeTopic", { topic });
  }

  /** Makes a node the leader (and a replica, if it was none), and waits until all nodes show it. */
  async moveLeader(topic: string, partition: number, toNode: number): Promise<void> {
    await this.#call("moveLeader", { topic, partition, toNode });
    await this.#untilShown(
      `node ${toNode} to lead ${topic}/${partition}`,
      topic,
      (view) => view.partitions.some((it) => it.partition === partition && it.leader === toNode),
    );
  }

  /** The node that leads the controllers now. */
  async controller(): Promise<number> {
    return await this.#call("controller", {});
  }

  /** First offset, and the one the next record will get. */
  async listOffsets(
    topic: string,
    partition: number,
  ): Promise<{ earliest: number; latest: number }> {
    return await this.#call("listOffsets", { topic, partition });
  }

  /** Committed offsets. */
  async groupOffsets(
    group: string,
    timeoutMs?: number,
  ): Promise<(Place & { metadata: string })[]> {
    return await this.#call("groupOffsets", { group }, timeoutMs);
  }

  /** Commits an offset for a group without members. */
  async setGroupOffset(group: string, { topic, partition, offset }: Place): Promise<void> {
    await this.#call("setGroupOffset", { group, topic, partition, offset });
  }

  /** State and members. */
  async describeGroup(group: string): Promise<GroupDescription> {
    return await this.#call("describeGroup", { group });
  }

  /** Deletes a group without members, with its offsets. */
  async deleteGroup(group: string): Promise<void> {
    await this.#call("deleteGroup", { group });
  }

  /** Writes numbered records, several 100,000 a second, and waits until all are acknowledged. */
  async produce(request: ProduceRequest): Promise<Produced> {
    const paceMs = request.count / (request.ratePerSecond ?? 10_000) * 1_000;
    return await this.#call("produce", request, 60_000 + 2 * paceMs);
  }

  /** Writes exact records, in order, and gives where each went. */
  async send(records: readonly NewRecord[], options: ProducerOptions = {}): Promise<Place[]> {
    return await this.#call("send", { records, lingerMs: 0, ...options });
  }

  /** Writes many small records as one record batch; the topic needs a `max.message.bytes` for it. */
  async bigBatch(request: BigBatch): Promise<Produced> {
    return await this.#call("bigBatch", request, 120_000);
  }

  /** Sends records in a transaction, and gives where each went. */
  async transaction(request: Transaction): Promise<Place[]> {
    return await this.#call("transaction", request);
  }

  /** Ends the transaction that `transaction` left open. */
  async endTransaction(id: string, end: "commit" | "abort"): Promise<void> {
    await this.#call("endTransaction", { id, end });
  }

  /** Goes on writing numbered records, 1,000 a second if nothing else is said, until stopped. */
  async backgroundProduce(request: NumberedRecords): Promise<BackgroundProducer> {
    const id = `${++this.#lastId}`;
    await this.#call("startProducing", { ...request, id });
    return new BackgroundProducer(() => this.#call("stopProducing", { id }, 150_000));
  }

  /** Starts a member of a group, and waits for its first assignment. */
  async joinGroup(member: NewMember): Promise<GroupMember> {
    const id = member.id ?? `member-${++this.#lastId}`;
    const joined = await this.#call<Omit<GroupMember, "id">>("joinGroup", { ...member, id });
    return { id, ...joined };
  }

  /** Has a member leave; says how many records it was given, and which when it `keepRuns`. */
  async leaveGroup(id: string): Promise<{ received: number; runs?: ReceivedRun[] }> {
    return await this.#call("leaveGroup", { id });
  }

  /** Reads with Kafka's own consumer up to the end, as it is now, or up to `maxRecords`. */
  async read(
    request: TopicPartition & {
      /** @default {0} */
      readonly fromOffset?: number;
      readonly maxRecords?: number;
      /** @default {"uncommitted"} */
      readonly isolation?: "committed" | "uncommitted";
    },
  ): Promise<ReadRecord[]> {
    return await this.#call("read", request, 120_000);
  }

  /** Gives a user of SCRAM a password, or another one. */
  async setPassword(request: ScramPassword): Promise<void> {
    await this.#call("setPassword", request);
  }

  /** Allows a user operations on topics or groups, on a cluster with access control lists. */
  async allow(request: AccessRule): Promise<void> {
    await this.#call("allow", request);
  }

  /** Takes back what `allow` allowed. */
  async disallow(request: AccessRule): Promise<void> {
    await this.#call("disallow", request);
  }

  /** Ends the Java process, and with it its members and producers (without a goodbye). */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }

  async #call<T>(command: string, args: object, timeoutMs = 60_000): Promise<T> {
    return await this.#process.call<T>(command, args, timeoutMs);
  }

  /**
   * A broker names itself the leader a moment before it takes records. An idempotent producer that
   * writes in that moment can have its first batch refused and its second taken, and is stuck then:
   * the broker calls the first out of order for ever.
   */
  async #untilServed(topic: string, partitions: number): Promise<void> {
    const all = Array.from({ length: partitions }, (_, partition) => partition);
    await Promise.all(all.map((partition) => this.listOffsets(topic, partition)));
  }

  async #untilShown(
    what: string,
    topic: string,
    isShown: (view: TopicView) => boolean,
  ): Promise<void> {
    await eventually(`all nodes to show ${what}`, async () => {
      const views = await Promise.all(this.#addresses.map((it) => probeMetadata(it, [topic])));
      // Nodes that are stopped or paused do not answer.
      const answers = views.filter((view): view is BrokerView => view !== undefined);
      return answers.length > 0 && answers.every((view) => isShown(view.topics[0]));
    }, { timeoutMs: 30_000, everyMs: 10 });
  }
}

/** A member that polls until `leaveGroup` gets its `id`. */
export interface GroupMember {
  readonly id: string;
  readonly memberId: string;
  readonly partitions: readonly TopicPartition[];
}

/** Writes numbered records until stopped. */
export class BackgroundProducer implements AsyncDisposable {
  readonly #stop: () => Promise<Produced & { lastNumber: number }>;
  #stopped?: Promise<Produced & { lastNumber: number }>;

  /** For `KafkaHelper`. */
  constructor(stop: () => Promise<Produced & { lastNumber: number }>) {
    this.#stop = stop;
  }

  /** Waits until all it sent is acknowledged; `count` and `lastNumber` say how far it came. */
  stop(): Promise<Produced & { lastNumber: number }> {
    return this.#stopped ??= this.#stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function hasLeaders(view: TopicView, count: number): boolean {
  return view.partitions.length === count && view.partitions.every((it) => it.leader >= 0);
}
