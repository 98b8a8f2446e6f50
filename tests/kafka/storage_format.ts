import { join } from "node:path";
import { type KafkaJars, makeOnce } from "./kafka_jars.ts";

/**
 * Formats the data folder of a node, as KRaft asks for before the first start.
 *
 * Kafka's StorageTool is run once per version (a second of Java) on a folder in the cache: the
 * checkpoint it writes holds nothing but feature levels, so that each node gets a copy of it, and a
 * `meta.properties` of its own.
 */
export async function formatStorage(
  jars: KafkaJars,
  node: { readonly id: number; readonly clusterId: string; readonly dataFolder: string },
): Promise<void> {
  const template = join(jars.cacheFolder, "formatted");
  await makeOnce(template, (folder) => runStorageTool(jars, folder));
  await Deno.mkdir(node.dataFolder, { recursive: true });
  await Deno.copyFile(
    join(template, "data", "bootstrap.checkpoint"),
    join(node.dataFolder, "bootstrap.checkpoint"),
  );
  await Deno.writeTextFile(
    join(node.dataFolder, "meta.properties"),
    [
      "version=1",
      `cluster.id=${node.clusterId}`,
      `node.id=${node.id}`,
      `directory.id=${kafkaUuid()}`,
    ].join("\n"),
  );
}

/** A random id as Kafka writes them: 16 bytes in base64url, never one of the few reserved ones. */
export function kafkaUuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] |= 0x40;
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

async function runStorageTool(jars: KafkaJars, folder: string): Promise<void> {
  const properties = join(folder, "server.properties");
  await Deno.writeTextFile(
    properties,
    [
      "process.roles=broker,controller",
      "node.id=1",
      "listeners=PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2",
      "controller.listener.names=CONTROLLER",
      "controller.quorum.voters=1@127.0.0.1:2",
      `log.dirs=${join(folder, "data")}`,
    ].join("\n"),
  );
  const { success, stdout, stderr } = await new Deno.Command(jars.java, {
    args: ["-XX:TieredStopAtLevel=1", "-cp", jars.classpath, "kafka.tools.StorageTool"].concat(
      ["format", "--cluster-id", kafkaUuid(), "--config", properties],
    ),
    stdin: "null",
  }).output();
  if (success) return;
  const decoder = new TextDecoder();
  throw new Error(`Cannot format storage: ${decoder.decode(stdout)}${decoder.decode(stderr)}`);
}
