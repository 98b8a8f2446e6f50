import { ensureKafkaJars } from "./kafka_jars.ts";

/** How one of Kafka's tools is run. */
export interface KafkaToolOptions {
  /** Passed on as `--bootstrap-server`. */
  readonly bootstrap?: string;
  /** @default {120000} */
  readonly timeoutMs?: number;
  /** @default {512} */
  readonly heapMb?: number;
  readonly version?: string;
}

/**
 * Runs one of Kafka's command-line classes to its end, and gives what it wrote to standard output.
 *
 * ```ts ignore
 * await runKafkaTool("org.apache.kafka.tools.ConsumerPerformance", [
 *   "--topic", "orders", "--num-records", "1000000",
 * ], { bootstrap: kafka.bootstrap });
 * ```
 *
 * @throws {Error} with its output, when it ends with another code than 0 or not in time
 */
export async function runKafkaTool(
  className: string,
  args: readonly string[],
  { bootstrap, timeoutMs = 120_000, heapMb = 512, version }: KafkaToolOptions = {},
): Promise<string> {
  const jars = await ensureKafkaJars({ version });
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), timeoutMs);
  try {
    const { success, code, stdout, stderr } = await new Deno.Command(jars.java, {
      args: [
        `-Xmx${heapMb}m`,
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-cp",
        jars.classpath,
        className,
        ...(bootstrap === undefined ? [] : ["--bootstrap-server", bootstrap]),
        ...args,
      ],
      stdin: "null",
      signal: timeout.signal,
    }).output();
    const text = new TextDecoder().decode(stdout);
    if (success) return text;
    const why = timeout.signal.aborted ? `no end within ${timeoutMs} ms` : `code ${code}`;
    throw new Error(`Cannot run ${className}: ${why}\n${new TextDecoder().decode(stderr)}${text}`);
  } finally {
    clearTimeout(timer);
  }
}
