/** Where one node of a cluster is found. */
export interface NodeAddress {
  readonly id: number;
  readonly port: number;
  readonly controllerPort: number;
}

/** Settings of `server.properties`. */
export type Properties = Readonly<Record<string, string | number | boolean>>;

/**
 * `server.properties` of one node: broker and controller in one (KRaft), on 127.0.0.1 only, small
 * internal topics, and none of the waits that make sense in production only.
 */
export function brokerProperties(
  node: NodeAddress,
  nodes: readonly NodeAddress[],
  dataFolder: string,
  overrides: Properties,
): string {
  const copies = Math.min(3, nodes.length);
  const copiesInSync = Math.min(2, nodes.length);
  const properties: Properties = {
    "process.roles": "broker,controller",
    "node.id": node.id,
    "listeners": `PLAINTEXT://127.0.0.1:${node.port},CONTROLLER://127.0.0.1:${node.controllerPort}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${node.port}`,
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "controller.quorum.voters": nodes.map(({ id, controllerPort }) =>
      `${id}@127.0.0.1:${controllerPort}`
    ).join(","),
    "log.dirs": dataFolder,
    "auto.create.topics.enable": false,
    "group.initial.rebalance.delay.ms": 0,
    "default.replication.factor": copies,
    "offsets.topic.num.partitions": 4,
    "offsets.topic.replication.factor": copies,
    "transaction.state.log.num.partitions": 4,
    "transaction.state.log.replication.factor": copies,
    "transaction.state.log.min.isr": copiesInSync,
    "share.coordinator.state.topic.num.partitions": 4,
    "share.coordinator.state.topic.replication.factor": copies,
    "share.coordinator.state.topic.min.isr": copiesInSync,
    // A killed node is missed after 4 s, not 9, and let in again after as long.
    "broker.session.timeout.ms": 4_000,
    "broker.heartbeat.interval.ms": 500,
    // Compaction and retention happen while a test waits for them.
    "log.cleaner.backoff.ms": 200,
    "log.cleaner.dedupe.buffer.size": 8 * 1024 * 1024,
    "log.initial.task.delay.ms": 500,
    "log.retention.check.interval.ms": 500,
    ...overrides,
  };
  return Object.entries(properties).map(([name, value]) => `${name}=${value}\n`).join("");
}
