import { Buffer } from "node:buffer";
import { loadSettings } from "../config/load_settings.ts";
import { kafkaSecurity } from "../config/kafka_security.ts";
import type { Settings } from "../config/settings.ts";
import { VERSION } from "../core/version.ts";
import { COMPRESSORS } from "../kafka/codecs/compress.ts";
import { decompress } from "../kafka/codecs/decompress.ts";
import { KafkaClient } from "../kafka/kafka_client.ts";
import { within } from "../stream/within.ts";
import type { Command } from "./command.ts";
import { EXIT, misused, type Shell } from "./shell.ts";

/** What a look found: in order, worth knowing, broken, or not for us to see. */
interface Finding {
  readonly state: "ok" | "note" | "bad" | "look";
  readonly text: string;
  /** What to do, or the command to type. */
  readonly advice?: string;
}

/** Whatever is asked of Kafka has to answer within so long, in ms. */
const ANSWER_MS = 10_000;

const COLORS: Readonly<Record<Finding["state"], string>> = {
  ok: "32",
  note: "33",
  bad: "31",
  look: "36",
};

/** `kafka-proxy doctor`: looks at everything a server needs, and says what to do. */
export const DOCTOR: Command = {
  name: "doctor",
  summary: "Checks settings, Kafka, codecs, rights and port, and says what to do",
  usage: `Usage: kafka-proxy doctor [flags]

Flags and environment are those of the server. Nothing is changed and nothing is written to Kafka.
Ends with 0 when a server would work, with 1 when something is broken, with 2 for wrong settings.

  ok    in order
  note  works, and is worth knowing
  bad   does not work; the line below says what to do
  look  cannot be seen from here; the line below is the command to type
`,
  async run(shell) {
    const { args, env, readText } = shell;
    const loaded = await loadSettings({ args, env }, readText);
    if (loaded.kind === "problems") return misused(shell, loaded.problems, "doctor --help");
    if (loaded.kind !== "run") {
      return misused(shell, ["doctor takes settings only"], "doctor --help");
    }
    let isBroken = false;
    for await (const finding of examine(loaded.settings)) {
      isBroken ||= finding.state === "bad";
      shell.print(line(shell, finding));
    }
    return isBroken ? EXIT.failed : EXIT.done;
  },
};

function line(shell: Shell, { state, text, advice }: Finding): string {
  const isPlain = !shell.stdout.isTerminal || (shell.env.NO_COLOR ?? "") !== "";
  const name = state.padEnd(4);
  const shown = isPlain ? name : `\x1b[${COLORS[state]}m${name}\x1b[0m`;
  return `${shown}  ${text}${advice === undefined ? "" : `\n      ${advice}`}`;
}

async function* examine(settings: Settings): AsyncIterableIterator<Finding> {
  yield { state: "ok", text: `kafka-proxy ${VERSION} on Deno ${Deno.version.deno}; settings read` };
  yield* codecs();
  yield port(settings);
  yield* kafka(settings);
  if (settings.auth === undefined && settings.host !== "127.0.0.1") {
    yield {
      state: "note",
      text: `${settings.host} without credentials: everybody who reaches it reads every topic`,
      advice: "set KAFKA_PROXY_AUTH, or users or tokens of docs/CONFIGURATION.md",
    };
  }
  yield {
    state: "look",
    text: `this clock says ${new Date().toISOString()}; tokens and ts: starts depend on it`,
    advice: "compare: date -u, here and on a broker",
  };
  yield {
    state: "look",
    text: `${settings.maxSockets} sockets take as many open files`,
    advice: "compare: ulimit -n",
  };
}

/** One record batch's worth of each codec, by its number, and what comes out of it. */
async function* codecs(): AsyncIterableIterator<Finding> {
  const text = Buffer.from("ok");
  const samples: readonly (readonly [name: string, codec: number, bytes: Uint8Array])[] = [
    ["gzip", 1, COMPRESSORS.gzip.compress!(text)],
    ["snappy", 2, Uint8Array.of(2, 4, ...text)],
    [
      "lz4",
      3,
      Uint8Array.of(4, 34, 77, 24, 0x60, 0x40, 0x82, 2, 0, 0, 0x80, ...text, 0, 0, 0, 0),
    ],
    ["zstd", 4, COMPRESSORS.zstd.compress!(text)],
  ];
  const broken: string[] = [];
  for (const [name, codec, bytes] of samples) {
    try {
      const out = await decompress(codec, bytes, 1_024);
      if (Buffer.from(out).toString() !== "ok") broken.push(name);
    } catch {
      broken.push(name);
    }
  }
  yield broken.length === 0
    ? { state: "ok", text: "codecs: gzip, snappy, lz4, zstd" }
    : { state: "bad", text: `codecs do not work: ${broken.join()}`, advice: "take Deno 2.9.6" };
}

function port({ host, port }: Settings): Finding {
  try {
    Deno.listen({ hostname: host, port }).close();
    return { state: "ok", text: `port ${port} of ${host} is free` };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return {
      state: "bad",
      text: `cannot listen on ${host}:${port}: ${why}`,
      advice: `who has it: ss -ltnp 'sport = :${port}'; or choose another with --port`,
    };
  }
}

async function* kafka(settings: Settings): AsyncIterableIterator<Finding> {
  const said: string[] = [];
  const client = new KafkaClient({
    brokers: settings.kafka,
    clientId: settings.clientId,
    maxBatchBytes: settings.maxBatchBytes,
    security: kafkaSecurity(settings),
    leasePrefix: settings.lease === "on" ? settings.leasePrefix : undefined,
    onLog: (_level, text) => void said.push(text),
  });
  try {
    yield* brokers(settings);
    const reached = await tried(() => client.ping());
    if ("error" in reached) {
      yield {
        state: "bad",
        text: `Kafka does not answer: ${reached.error}`,
        advice: "TLS and SASL must be what the listener of that port wants: see docs/SECURITY.md",
      };
      return;
    }
    yield await versions(client);
    yield* rights(client, settings);
  } finally {
    await within(1_000, client.close());
  }
}

/** Whether each bootstrap broker's port can be connected to. */
async function* brokers({ kafka }: Settings): AsyncIterableIterator<Finding> {
  for (const broker of kafka) {
    const colon = broker.lastIndexOf(":");
    const [hostname, port] = [broker.slice(0, colon), Number(broker.slice(colon + 1))];
    const startMs = performance.now();
    const reached = await tried(async () => (await Deno.connect({ hostname, port })).close());
    yield "error" in reached
      ? {
        state: "bad",
        text: `broker ${broker} cannot be reached: ${reached.error}`,
        advice: `try: nc -vz ${hostname} ${port}; is it the listener for clients outside?`,
      }
      : { state: "ok", text: `broker ${broker} connects in ${ms(startMs)} ms` };
  }
}

/** Versions of APIs that matter: what is there since which release of Kafka, and what for. */
async function versions(client: KafkaClient): Promise<Finding> {
  const id = await client.reader.clusterId();
  const fetch = await client.versions("Fetch");
  const ids = await client.versions("Metadata");
  const name = id === undefined ? "the cluster" : `cluster ${id}`;
  if ((fetch?.maxVersion ?? 0) < 4) {
    return {
      state: "bad",
      text: `${name} speaks Fetch up to ${fetch?.maxVersion}: it is older than Kafka 0.11`,
      advice: "take a newer Kafka",
    };
  }
  if ((ids?.maxVersion ?? 0) < 10) {
    return {
      state: "note",
      text: `${name} names topics without ids (before Kafka 2.8)`,
      advice: "resume tokens cannot tell a topic from another one made later by its name",
    };
  }
  return { state: "ok", text: `${name}: Fetch ${fetch?.maxVersion}, topic ids` };
}

/** What the proxy's credentials may do. */
async function* rights(client: KafkaClient, settings: Settings): AsyncIterableIterator<Finding> {
  const names = await tried(() => client.reader.topicNames());
  if ("error" in names) {
    yield { state: "bad", text: `topics cannot be listed: ${names.error}` };
  } else {
    const own = names.value.filter((name) => !name.startsWith("__"));
    yield own.length > 0 ? { state: "ok", text: `${own.length} topics can be seen` } : {
      state: "note",
      text: "no topic can be seen",
      advice: "there is none, or: kafka-acls --add --allow-principal User:NAME --operation Read " +
        "--operation Describe --topic '*'",
    };
    if (own.length > 0) yield await reading(client, own[0]);
  }
  if (settings.lease === "off") {
    yield { state: "note", text: "leases are off: pinned partitions are unique in a process only" };
    return;
  }
  const group = `${settings.leasePrefix}doctor`;
  const looked = await tried(() => client.groups.members(group));
  yield "error" in looked
    ? {
      state: "bad",
      text: `groups that begin with ${settings.leasePrefix} cannot be used: ${looked.error}`,
      advice:
        "kafka-acls --add --allow-principal User:NAME --operation Read --operation Describe " +
        `--group ${settings.leasePrefix} --resource-pattern-type prefixed; or --lease off`,
    }
    : { state: "ok", text: `groups that begin with ${settings.leasePrefix} can be looked at` };
}

async function reading(client: KafkaClient, topic: string): Promise<Finding> {
  const startMs = performance.now();
  const looked = await tried(async () => {
    const { leaders } = await client.reader.topic(topic);
    return await client.reader.offsets(topic, [...leaders.keys()], "latest", "committed");
  });
  return "error" in looked
    ? { state: "bad", text: `the ends of ${topic} cannot be looked up: ${looked.error}` }
    : { state: "ok", text: `the ends of ${topic} are known in ${ms(startMs)} ms` };
}

async function tried<T>(work: () => Promise<T>): Promise<{ value: T } | { error: string }> {
  try {
    const found: { value?: { value: T } } = {};
    await within(ANSWER_MS, work().then((value) => found.value = { value }));
    return found.value ?? { error: `no answer in ${ANSWER_MS / 1_000} s` };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

function ms(sinceMs: number): number {
  return Math.round(performance.now() - sinceMs);
}
