import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type JavaCommands, missingProgram, requireJava } from "./java_runtime.ts";

const POM = fileURLToPath(new URL("pom.xml", import.meta.url));
const REPOSITORY = fileURLToPath(new URL("../../", import.meta.url));

/** How to get at Apache Kafka's jars. */
export interface KafkaJarsOptions {
  /** @default {`KAFKA_PROXY_TEST_KAFKA_VERSION`, else the version in pom.xml} */
  readonly version?: string;
  /** Told what is going on while jars are fetched and brokers started. */
  readonly onProgress?: (message: string) => void;
  readonly commands?: JavaCommands;
  /** @default {`KAFKA_PROXY_TEST_CACHE`, else `.cache` in the repository} */
  readonly cache?: string;
}

/** Apache Kafka, ready to be run by Java. */
export interface KafkaJars {
  readonly version: string;
  /** Folder of the jars. */
  readonly lib: string;
  /** What Java's `-cp` wants. */
  readonly classpath: string;
  /** Git-ignored folder of this version, for whatever else is made once. */
  readonly cacheFolder: string;
  readonly java: string;
  readonly javaVersion: string;
}

/**
 * Fetches Apache Kafka's jars through Maven, once per version and per list in pom.xml.
 *
 * They are kept in `.cache/kafka/VERSION` of the repository, or in `kafka/VERSION` of the folder
 * that `KAFKA_PROXY_TEST_CACHE` names. Safe when several processes start at once: one fetches, the
 * others wait.
 *
 * @throws {Error} one sentence that says what to install, when Java or Maven is missing
 */
export async function ensureKafkaJars(options: KafkaJarsOptions = {}): Promise<KafkaJars> {
  const java = options.commands?.java ?? "java";
  const javaVersion = await requireJava(java);
  const pom = await Deno.readTextFile(POM);
  const version = options.version ??
    (Deno.env.get("KAFKA_PROXY_TEST_KAFKA_VERSION") || undefined) ??
    pomVersion(pom);
  const cache = options.cache ?? (Deno.env.get("KAFKA_PROXY_TEST_CACHE") || undefined) ??
    join(REPOSITORY, ".cache");
  const cacheFolder = join(cache, "kafka", version);
  const lib = join(cacheFolder, `lib-${await shortHash([pom])}`);
  const progress = options.onProgress ?? (() => {});
  await makeOnce(lib, async (folder) => {
    progress(`Fetching Apache Kafka ${version} with Maven (about 50 MB, once)`);
    await copyJars(version, folder, options.commands?.maven ?? "mvn", progress);
  });
  return { version, lib, classpath: join(lib, "*"), cacheFolder, java, javaVersion };
}

/** Eight hex digits that change when one of the `texts` does. */
export async function shortHash(texts: readonly string[]): Promise<string> {
  const bytes = new TextEncoder().encode(texts.join("\0"));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return digest.subarray(0, 4).toHex();
}

/**
 * Makes a folder that is either complete or not there: `make` fills another, which is renamed. A
 * lock, which the operating system drops with its process, keeps others waiting meanwhile.
 */
export async function makeOnce(
  path: string,
  make: (folder: string) => Promise<void>,
): Promise<void> {
  if (await exists(path)) return;
  const parent = dirname(path);
  await Deno.mkdir(parent, { recursive: true });
  using lock = await Deno.open(`${path}.lock`, { create: true, write: true });
  await lock.lock(true);
  if (await exists(path)) return;
  const folder = await Deno.makeTempDir({ dir: parent, prefix: "unfinished-" });
  try {
    await make(folder);
    await Deno.rename(folder, path);
  } catch (error) {
    await Deno.remove(folder, { recursive: true });
    throw error;
  }
}

async function copyJars(
  version: string,
  folder: string,
  maven: string,
  progress: (message: string) => void,
): Promise<void> {
  const args = ["-B", "-f", POM, "dependency:copy-dependencies", "-DincludeScope=runtime"];
  args.push(`-DoutputDirectory=${folder}`, `-Dkafka.version=${version}`);
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(maven, { args, stdin: "null", stdout: "piped", stderr: "null" })
      .spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw missingProgram("Maven", `fetch Apache Kafka ${version}`);
    }
    throw error;
  }
  const errors: string[] = [];
  for await (const line of lines(child.stdout)) {
    const jar = /^Downloaded from .*\/([^/]+\.jar) /.exec(line)?.[1];
    if (jar) progress(`Fetched ${jar}`);
    if (line.includes("ERROR")) errors.push(line);
  }
  if (!(await child.status).success) {
    throw new Error(`Cannot fetch Apache Kafka ${version}: ${errors[0] ?? "Maven failed"}`);
  }
}

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
  if (rest) yield rest;
}

function pomVersion(pom: string): string {
  return /<kafka\.version>(.+?)<\/kafka\.version>/.exec(pom)![1];
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
