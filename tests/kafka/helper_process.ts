import { Buffer } from "node:buffer";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually } from "../support/eventually.ts";
import type { DetachedProcess } from "./detached_process.ts";
import { GuardedFolder } from "./guarded_folder.ts";
import { ensureKafkaJars, type KafkaJars, makeOnce, shortHash } from "./kafka_jars.ts";

const SOURCES = fileURLToPath(new URL("java/", import.meta.url));

/** Something the helper refused or could not do; the message is that of Kafka's Java client. */
export class HelperError extends Error {
  override readonly name = "HelperError";
  /** Simple name of the Java exception, for example `UnknownTopicOrPartitionException`. */
  readonly kind: string;

  constructor(command: string, text: string) {
    super(`Cannot ${command}: ${text}`);
    this.kind = text.split(":", 1)[0];
  }
}

/** The helper, or Kafka behind it, has not answered in time. */
export class HelperTimeoutError extends Error {
  override readonly name = "HelperTimeoutError";

  constructor(command: string, timeoutMs: number, cause: unknown) {
    super(`Cannot ${command}: no answer within ${timeoutMs} ms`, { cause });
  }
}

/**
 * The Java process of a helper, and calls to it: a connection of its own for each, so that calls
 * may overlap, and nothing is open between them.
 */
export class HelperProcess implements AsyncDisposable {
  readonly #folder: GuardedFolder;
  readonly #process: DetachedProcess;
  readonly #port: number;

  private constructor(folder: GuardedFolder, process: DetachedProcess, port: number) {
    this.#folder = folder;
    this.#process = process;
    this.#port = port;
  }

  /** Compiles `java/` once per version and per change, and starts it. */
  static async start(bootstrap: string, version: string | undefined): Promise<HelperProcess> {
    const jars = await ensureKafkaJars({ version });
    const classes = await compiledClasses(jars);
    const folder = await GuardedFolder.create("kafka-proxy-helper-");
    try {
      const portFile = join(folder.path, "port");
      const logFile = join(folder.path, "log");
      const args = ["-Xmx1g", "-XX:+UseSerialGC", "-XX:-UsePerfData"];
      args.push("-Dorg.slf4j.simpleLogger.defaultLogLevel=error");
      args.push("-cp", `${classes}:${jars.classpath}`, "KafkaHelper", bootstrap, portFile);
      const process = await folder.start(jars.java, args, logFile);
      const port = await eventually("the Kafka helper to listen", async () => {
        if (process.exitCode !== undefined) throw new Error(await Deno.readTextFile(logFile));
        return await Deno.readTextFile(portFile).then(Number, () => undefined);
      }, { timeoutMs: 30_000, everyMs: 5 });
      return new HelperProcess(folder, process, port);
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      throw error;
    }
  }

  get pid(): number {
    return this.#process.pid;
  }

  /**
   * @throws {HelperError} what Kafka's client threw
   * @throws {HelperTimeoutError} when there is no answer within `timeoutMs`
   */
  async call<T>(command: string, args: object, timeoutMs: number): Promise<T> {
    if (this.#process.exitCode !== undefined) {
      throw new Error(`Cannot ${command}: the Kafka helper has ended`);
    }
    const connection = await Deno.connect({ port: this.#port, hostname: "127.0.0.1" });
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      connection.close();
    }, timeoutMs);
    try {
      await writeAll(connection, JSON.stringify({ ...args, command }) + "\n");
      const answer = JSON.parse(await readAll(connection));
      if (answer.error !== undefined) throw new HelperError(command, answer.error);
      return answer.result;
    } catch (error) {
      if (!timedOut) throw error;
      throw new HelperTimeoutError(command, timeoutMs, error);
    } finally {
      clearTimeout(timer);
      if (!timedOut) connection.close();
    }
  }

  /** Kills the process; its members and producers go with it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]();
  }
}

/**
 * Compiles with the Eclipse compiler, one of the jars: javac comes with a JDK only, and a Java
 * runtime is enough to run Kafka.
 */
async function compiledClasses(jars: KafkaJars): Promise<string> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(SOURCES)) {
    if (entry.name.endsWith(".java")) files.push(join(SOURCES, entry.name));
  }
  files.sort();
  const texts = await Promise.all(files.map((file) => Deno.readTextFile(file)));
  const classes = join(jars.cacheFolder, `classes-${await shortHash([jars.lib, ...texts])}`);
  await makeOnce(classes, async (folder) => {
    const libraries: string[] = [];
    for await (const { name } of Deno.readDir(jars.lib)) {
      if (/^(kafka-clients|jackson)-/.test(name)) libraries.push(join(jars.lib, name));
    }
    const { success, stderr } = await new Deno.Command(jars.java, {
      args: ["-cp", jars.classpath, "org.eclipse.jdt.internal.compiler.batch.Main"].concat(
        ["-17", "-nowarn", "-cp", libraries.join(":"), "-d", folder, ...files],
      ),
      stdin: "null",
    }).output();
    if (!success) throw new Error(`Cannot compile: ${new TextDecoder().decode(stderr)}`);
  });
  return classes;
}

async function writeAll(connection: Deno.TcpConn, text: string): Promise<void> {
  let bytes = new TextEncoder().encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(await connection.write(bytes));
}

async function readAll(connection: Deno.TcpConn): Promise<string> {
  const chunks: Uint8Array[] = [];
  while (true) {
    const chunk = new Uint8Array(64 * 1024);
    const length = await connection.read(chunk);
    if (length === null) return Buffer.concat(chunks).toString();
    chunks.push(chunk.subarray(0, length));
  }
}
