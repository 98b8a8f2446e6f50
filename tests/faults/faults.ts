import { join } from "node:path";
import { sleep } from "../../src/stream/sleep.ts";
import { resetByTool } from "../kafka/consumer_groups_tool.ts";
import type { KafkaNode } from "../kafka/kafka_node.ts";
import { eventually } from "../support/eventually.ts";
import { FAKE_CLOCK_ADVICE, FakeClock } from "../support/fake_clock.ts";
import type { Random } from "../support/random.ts";
import { SLOW_DNS_ADVICE, SlowDns } from "../support/slow_dns.ts";
import type { FaultWorld } from "./fault_world.ts";
import type { Entry } from "./history.ts";
import type { Movement } from "./movement.ts";

/** What a fault is done to. */
export interface FaultTarget {
  readonly world: FaultWorld;
  readonly topic: string;
  readonly random: Random;
  /** For what somebody does by hand. */
  readonly entries: Entry[];
  readonly movement: Movement;
  /** How long what lasts does, in ms. */
  readonly lastsMs: readonly [number, number];
}

/** Something that goes wrong, and is put right again before it returns. */
export type Fault = (target: FaultTarget) => Promise<void>;

/** How long a process may take until it has seen its clock set, in ms. */
const CLOCK_IS_SEEN_MS = 1_100;

/** Records of a partition that retention leaves. */
const RETAINED = 20;

/** Ends of the names of the groups that read in each scenario. */
const GROUPS = ["library", "v1", "balanced"];

/** Less than most time-outs, in ms. */
export const SHORT_MS: readonly [number, number] = [800, 2_500];

/** Longer than the time-outs of requests, sessions, heartbeats and pings, in ms. */
export const LONG_MS: readonly [number, number] = [20_000, 40_000];

/** Every fault by its name. */
export const FAULTS = {
  "broker killed": brokerKilled,
  "broker stopped in order": brokerStopped,
  "broker frozen": brokerFrozen,
  "all brokers restarted in turn": rollingBrokers,
  "active controller killed": controllerKilled,
  "leaders moved": leadersMoved,
  "group coordinators killed": coordinatorKilled,
  "under-replicated: a broker away while writing": brokerAway,
  "broker replaced by one without copies": brokerReplaced,
  "positions of a group moved back by Kafka's tool": positionsMovedBack,
  "proxy killed": proxyKilled,
  "both proxies killed": proxiesKilled,
  "proxy frozen": proxyFrozen,
  "proxy drained": proxyDrained,
  "client connections cut": clientsCut,
  "client connections cut, many times": clientsCutOften,
  "clients frozen": whileIt(({ clientRelay }) => clientRelay.freeze()),
  "clients gone without a word": clientsLost,
  "what clients send is lost": whileIt(({ clientRelay }) => clientRelay.silence("toServer")),
  "what clients are sent is lost": whileIt(({ clientRelay }) => clientRelay.silence("toClient")),
  "clients slow": slowed(({ clientRelay }) => clientRelay),
  "clients at 64 KiB/s": narrowed(({ clientRelay }) => clientRelay),
  "Kafka connections cut": kafkaCut,
  "Kafka half-open": kafkaHalfOpen,
  "requests to Kafka lost": whileIt(({ kafkaRelay }) => kafkaRelay.silence("toBroker")),
  "answers of Kafka lost": whileIt(({ kafkaRelay }) => kafkaRelay.silence("toClient")),
  "Kafka slow": slowed(({ kafkaRelay }) => kafkaRelay),
  "Kafka at 64 KiB/s": narrowed(({ kafkaRelay }) => kafkaRelay),
  "partitions moved and proxy killed": movedAndKilled,
  "disk of a broker full": diskFull,
  "clock of the proxy jumps": proxyClockJumps,
  "clock of a broker jumps": brokerClockJumps,
  "names resolved slowly": namesSlow,
  "partitions added": partitionsAdded,
  "retention passes everybody": retentionPasses,
  "the proxies' password changed": passwordChanged,
} satisfies Record<string, Fault>;

/** A fault's name. */
export type FaultName = keyof typeof FAULTS;

/** What ends the topic of a scenario, and whoever reads it. */
export const ENDS = {
  "topic deleted": topicDeleted,
  "topic deleted and made anew": topicMadeAnew,
} satisfies Record<string, (target: TopicTarget) => Promise<void>>;

/** The name of an end. */
export type EndName = keyof typeof ENDS;

/** A topic that everybody reads. */
export type TopicTarget = Pick<FaultTarget, "world" | "topic" | "movement">;

/** What some faults need of the machine: why they cannot be done here, undefined when they can. */
const OBSTACLES: Partial<Record<FaultName, () => string | undefined>> = {
  "clock of the proxy jumps": noFakeClock,
  "clock of a broker jumps": noFakeClock,
  "names resolved slowly": noSlowDns,
};

/** Why a fault cannot be done on this machine; undefined when it can. */
export function obstacle(fault: FaultName): string | undefined {
  return OBSTACLES[fault]?.();
}

function noFakeClock(): string | undefined {
  return FakeClock.isInstalled ? undefined : FAKE_CLOCK_ADVICE;
}

function noSlowDns(): string | undefined {
  return SlowDns.isPossible ? undefined : SLOW_DNS_ADVICE;
}

async function last({ random, lastsMs }: FaultTarget): Promise<void> {
  await sleep(random.between(...lastsMs));
}

async function brokerKilled(target: FaultTarget): Promise<void> {
  const node = target.random.pick(target.world.cluster.nodes);
  await node.kill();
  await last(target);
  await startAgain(target, node);
}

async function brokerStopped(target: FaultTarget): Promise<void> {
  const node = target.random.pick(target.world.cluster.nodes);
  await node.stop();
  await startAgain(target, node);
}

async function brokerFrozen(target: FaultTarget): Promise<void> {
  const node = target.random.pick(target.world.cluster.nodes);
  node.pause();
  await last(target);
  node.resume();
}

async function rollingBrokers(target: FaultTarget): Promise<void> {
  for (const node of target.world.cluster.nodes) {
    await node.stop();
    await startAgain(target, node);
  }
}

async function controllerKilled(target: FaultTarget): Promise<void> {
  const { world: { cluster, helper } } = target;
  const { nodes } = cluster;
  const id = await helper.controller();
  const node = nodes.find((node) => node.id === id) ?? nodes[0];
  await node.kill();
  await last(target);
  await startAgain(target, node);
}

async function coordinatorKilled(target: FaultTarget): Promise<void> {
  const { world: { cluster, helper } } = target;
  const partitions = await helper.describeTopic("__consumer_offsets");
  const group = `${target.topic}-${target.random.pick(GROUPS)}`;
  const own = offsetsPartition(group, partitions.length);
  const { leader } = partitions.find(({ partition }) => partition === own)!;
  const node = cluster.nodes.find(({ id }) => id === leader) ?? cluster.nodes[0];
  await node.kill();
  await last(target);
  await startAgain(target, node);
}

async function leadersMoved(target: FaultTarget): Promise<void> {
  const { world: { helper, cluster }, topic, random } = target;
  // Only one that is in sync can be made a leader.
  await inSync(target);
  for (const { partition, leader } of await helper.describeTopic(topic)) {
    const others = cluster.nodes.filter(({ id }) => id !== leader);
    await helper.moveLeader(topic, partition, random.pick(others).id);
  }
}

async function brokerAway(target: FaultTarget): Promise<void> {
  const node = target.random.pick(target.world.cluster.nodes);
  await node.stop();
  await sleep(4_000);
  await startAgain(target, node);
}

async function brokerReplaced(target: FaultTarget): Promise<void> {
  const node = target.random.pick(target.world.cluster.nodes);
  await node.stop();
  // All copies but those of the cluster's metadata, which a replaced disk would lose only here.
  for await (const { name, isDirectory } of Deno.readDir(node.dataFolder)) {
    if (!isDirectory || name.startsWith("__cluster_metadata")) continue;
    await Deno.remove(join(node.dataFolder, name), { recursive: true });
  }
  await startAgain(target, node);
}

/** A group of pinned partitions in use, which has no members for Kafka's own tool. */
async function positionsMovedBack({ world, topic, entries, random }: FaultTarget): Promise<void> {
  const group = `${topic}-v1`;
  const partition = random.between(0, (await world.helper.describeTopic(topic)).length);
  entries.push({ kind: "reset", group, doneMs: Infinity });
  await resetByTool(world.cluster.bootstrap, group, { topic, partition });
  entries.push({ kind: "reset", group, doneMs: performance.now() });
}

async function proxyKilled(target: FaultTarget): Promise<void> {
  const { world } = target;
  const index = anyProxy(target);
  world.proxies[index].signal("SIGKILL");
  await world.proxies[index].ended();
  await last(target);
  await world.startProxy(index);
}

async function proxiesKilled(target: FaultTarget): Promise<void> {
  const { world } = target;
  for (const proxy of world.proxies) proxy.signal("SIGKILL");
  await Promise.all(world.proxies.map((proxy) => proxy.ended()));
  await last(target);
  await Promise.all(world.proxies.map((_, index) => world.startProxy(index)));
}

async function proxyFrozen(target: FaultTarget): Promise<void> {
  const proxy = target.world.proxies[anyProxy(target)];
  proxy.signal("SIGSTOP");
  await last(target);
  proxy.signal("SIGCONT");
}

async function proxyDrained(target: FaultTarget): Promise<void> {
  const { world } = target;
  const index = anyProxy(target);
  world.proxies[index].signal("SIGTERM");
  await world.proxies[index].ended();
  await world.startProxy(index);
}

function anyProxy({ world, random }: FaultTarget): number {
  return random.between(0, world.proxies.length);
}

function clientsCut({ world }: FaultTarget): Promise<void> {
  world.clientRelay.cut();
  return Promise.resolve();
}

async function clientsCutOften({ world, random }: FaultTarget): Promise<void> {
  for (let i = 0; i < 8; i++) {
    world.clientRelay.cut();
    await sleep(random.between(50, 600));
  }
}

/** They come back at once, while the proxies still take them for connected. */
function clientsLost({ world }: FaultTarget): Promise<void> {
  world.clientRelay.lose();
  return Promise.resolve();
}

async function kafkaCut({ world, random }: FaultTarget): Promise<void> {
  for (let i = 0; i < 4; i++) {
    world.kafkaRelay.cut();
    await sleep(random.between(50, 600));
  }
}

async function kafkaHalfOpen(target: FaultTarget): Promise<void> {
  target.world.kafkaRelay.halfOpen();
  await last(target);
}

/** What begins something gives back how to end it. */
function whileIt(begin: (world: FaultWorld) => () => void): Fault {
  return async (target) => {
    const end = begin(target.world);
    await last(target);
    end();
  };
}

function slowed(relayOf: (world: FaultWorld) => { delayMs: number }): Fault {
  return async (target) => {
    relayOf(target.world).delayMs = target.random.between(20, 200);
    await last(target);
    relayOf(target.world).delayMs = 0;
  };
}

function narrowed(relayOf: (world: FaultWorld) => { bytesPerSecond: number }): Fault {
  return async (target) => {
    relayOf(target.world).bytesPerSecond = 64 << 10;
    await last(target);
    relayOf(target.world).bytesPerSecond = Infinity;
  };
}

async function movedAndKilled(target: FaultTarget): Promise<void> {
  await Promise.all([leadersMoved(target), proxyKilled(target)]);
}

/**
 * Its files may not grow any more, by a limit of the kernel: writes fail (EFBIG), which is to Kafka
 * what a full disk is (ENOSPC), an `IOException`, and the end of its only folder and so of itself.
 */
async function diskFull(target: FaultTarget): Promise<void> {
  const node = target.random.pick(target.world.cluster.nodes);
  const { success, stderr } = await new Deno.Command("prlimit", {
    args: ["--pid", `${node.pid}`, "--fsize=0:"],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  await eventually("the broker to end of its full disk", () => !node.isRunning, {
    timeoutMs: 20_000,
  });
  await last(target);
  await startAgain(target, node);
}

async function proxyClockJumps(target: FaultTarget): Promise<void> {
  await jumps(target, target.world.clocks!.proxy(anyProxy(target)));
}

async function brokerClockJumps(target: FaultTarget): Promise<void> {
  const { world: { cluster, clocks }, random } = target;
  const node = random.pick(cluster.nodes);
  await jumps(target, clocks!.node(node.id));
  // Kafka's timers go by the wall clock too: what it put off while that was ahead, would wait for it.
  await node.stop();
  await startAgain(target, node);
}

/** Away, farther than any time-out, and back. */
async function jumps(target: FaultTarget, clock: FakeClock): Promise<void> {
  const seconds = target.random.pick([-1_800, -60, 60, 1_800]);
  clock.set(seconds);
  await sleep(CLOCK_IS_SEEN_MS);
  await last(target);
  clock.set(0);
  await sleep(CLOCK_IS_SEEN_MS);
}

/** Names are asked for when connections are made, so these are cut. */
async function namesSlow(target: FaultTarget): Promise<void> {
  const { world: { dns, kafkaRelay }, random } = target;
  dns!.delayMs = random.between(500, 4_000);
  const before = dns!.questions;
  for (let i = 0; i < 3; i++) {
    kafkaRelay.cut();
    await last(target);
  }
  if (dns!.questions === before) throw new Error("Nobody has asked for a name");
  dns!.delayMs = 0;
}

async function partitionsAdded({ world, topic, movement }: FaultTarget): Promise<void> {
  await world.helper.addPartitions(topic, movement.partitions + 1);
  movement.addPartition();
}

/**
 * While no proxy is there, more is written, and then retention takes all but the last few records.
 * What nobody will be able to read any more is kept for the checker.
 */
async function retentionPasses({ world, topic, entries, movement }: FaultTarget): Promise<void> {
  const { helper, proxies } = world;
  for (const proxy of proxies) proxy.signal("SIGKILL");
  await Promise.all(proxies.map((proxy) => proxy.ended()));
  for (let partition = 0; partition < movement.partitions; partition++) {
    await writeAside(world, topic, partition);
    const records = await helper.read({ topic, partition });
    const values: string[] = [];
    for (const { offset, value } of records) values[offset] = valueText(value);
    const first = records.at(-1)!.offset + 1 - RETAINED;
    entries.push({ kind: "trimmed", partition, first: BigInt(first), values });
    await helper.deleteRecords(topic, partition, first);
  }
  await Promise.all(proxies.map((_, index) => world.startProxy(index)));
}

/** Records that no producer of the scenario has written, in their order. */
async function writeAside({ helper }: FaultWorld, topic: string, partition: number) {
  const { latest } = await helper.listOffsets(topic, partition);
  await helper.send(Array.from({ length: 5 * RETAINED }, (_, i) => {
    const value = new TextEncoder().encode(`aside-${partition}:${latest + i}`).toBase64();
    return { topic, partition, value };
  }));
}

/** The text of a value that Kafka's own client has read. */
export function valueText(value: string | null): string {
  return new TextDecoder().decode(Uint8Array.fromBase64(value ?? ""));
}

/** The brokers know it before the proxies do. */
async function passwordChanged(target: FaultTarget): Promise<void> {
  const { world } = target;
  const refusals = () =>
    world.proxies.flatMap(({ log }) => log.filter(({ event }) => event === "kafka_auth_failed"));
  const before = refusals().length;
  const password = await world.newPassword();
  world.kafkaRelay.cut();
  await eventually("a proxy to be refused", () => refusals().length > before, {
    timeoutMs: 20_000,
  });
  await last(target);
  await world.tellProxies(password);
}

async function topicDeleted({ world, topic }: TopicTarget): Promise<void> {
  await world.helper.deleteTopic(topic);
}

/** The records of the new topic stand where others stood. */
async function topicMadeAnew({ world, topic, movement }: TopicTarget): Promise<void> {
  const { partitions } = movement;
  await world.helper.deleteTopic(topic);
  await world.helper.createTopic(topic, { partitions, replicationFactor: 3 });
  for (let partition = 0; partition < partitions; partition++) {
    await writeAside(world, topic, partition);
  }
}

/** Where a group's coordinator has its commits: Java's hash of the name, without its sign. */
function offsetsPartition(group: string, partitions: number): number {
  let hash = 0;
  for (let i = 0; i < group.length; i++) hash = Math.imul(hash, 31) + group.charCodeAt(i) | 0;
  return (hash & 0x7fff_ffff) % partitions;
}

/** Starts a broker, and waits until it has caught up with the others. */
async function startAgain(target: FaultTarget, node: KafkaNode): Promise<void> {
  await node.start();
  await inSync(target);
}

async function inSync({ world, topic }: FaultTarget): Promise<void> {
  await eventually("all replicas in sync", async () => {
    const partitions = await world.helper.describeTopic(topic);
    return partitions.every(({ isr }) => isr.length === world.cluster.nodes.length);
  }, { timeoutMs: 60_000, everyMs: 100 });
}
