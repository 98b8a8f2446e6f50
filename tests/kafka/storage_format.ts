import { join } from "node:path";
import { type KafkaJars, makeOnce } from "./kafka_jars.ts";

const CLUSTER_ID = "kafka-proxy-tests-0000";

/**
 * Formats the data folder of a node, as KRaft asks for before the first start.
 *
 * Kafka's StorageTool is run once per version (a second of Java) on a folder in the cache: the
 * checkpoint it writes holds nothing but feature levels, so that each node gets a copy of it, and a
 * `meta.properties` of its own.
 */
export async function formatStorage(
  jars: KafkaJars,
  node: { readonly id: number; readonly dataFolder: string },
): Promise<void> {
  const template = join(jars.cacheFolder, "formatted");
  await makeOnce(template, (folder) => runStorageTool(jars, folder));
  await Deno.mkdir(node.dataFolder, { recursive: true });
  await Deno.copyFile(
    join(template, "data", "bootstrap.checkpoint"),
    join(node.dataFolder, "bootstrap.checkpoint"),
  );
  await Deno.writeTextFile(join(node.dataFolder, "meta.properties"), metaProperties(node.id));
}

function metaProperties(nodeId: number): string {
  // Kafka's Uuid: 16 bytes as unpadded base64 of the URL kind, the first 100 of which are reserved.
  const directoryId = crypto.getRandomValues(new Uint8Array(16));
  directoryId[0] |= 0x40;
  const text = directoryId.toBase64({ alphabet: "base64url", omitPadding: true });
  return `version=1\ncluster.id=${CLUSTER_ID}\nnode.id=${nodeId}\ndirectory.id=${text}\n`;
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
      ["format", "--cluster-id", CLUSTER_ID, "--config", properties],
    ),
    stdin: "null",
  }).output();
  if (success) return;
  const decoder = new TextDecoder();
  throw new Error(`Cannot format storage: ${decoder.decode(stdout)}${decoder.decode(stderr)}`);
}
