import { join } from "node:path";
import { type KafkaJars, makeOnce, shortHash } from "./kafka_jars.ts";

/**
 * Java flags that halve the start of a broker (1.9 s to 0.9 s): an archive of its loaded classes,
 * made once per version of Kafka and Java by `train`, which runs a broker that writes it at its
 * end (JEP 350). No flags where Java cannot make one.
 */
export async function classArchive(
  jars: KafkaJars,
  train: (file: string) => Promise<void>,
): Promise<string[]> {
  const hash = await shortHash([jars.lib, jars.javaVersion]);
  const folder = join(jars.cacheFolder, `archive-${hash}`);
  await makeOnce(folder, (unfinished) => train(join(unfinished, "broker.jsa")));
  const file = join(folder, "broker.jsa");
  const isThere = await Deno.stat(file).then(() => true, () => false);
  return isThere ? [`-XX:SharedArchiveFile=${file}`] : [];
}
