/** How kcat writes. */
export interface KcatRequest {
  readonly bootstrap: string;
  readonly topic: string;
  /** @default {0} */
  readonly partition?: number;
  /** One record each; none may have a line break. */
  readonly lines: readonly string[];
  /** `-z`: gzip, snappy, lz4 or zstd. */
  readonly compression?: string;
  /** Settings of librdkafka. */
  readonly settings?: Readonly<Record<string, string | number>>;
}

/**
 * Whether kcat is there; without it a test says so and passes, except where CI is true.
 *
 * @throws {Error} in CI, where it must not be missing
 */
export async function hasKcat(): Promise<boolean> {
  try {
    await new Deno.Command("kcat", { args: ["-V"], stdout: "null", stderr: "null" }).output();
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const advice = "kcat is not installed (Debian: apt-get install kcat)";
    if (Deno.env.get("CI") === "true") throw new Error(advice);
    console.log(`Skipped: ${advice}`);
    return false;
  }
}

/**
 * Writes records with kcat, whose producer (librdkafka) shares no code with Kafka's own.
 *
 * @throws {Error} with its output, when it fails
 */
export async function kcatProduce(request: KcatRequest): Promise<void> {
  const { bootstrap, topic, partition = 0, lines, compression, settings = {} } = request;
  const child = new Deno.Command("kcat", {
    args: [
      ...["-P", "-b", bootstrap, "-t", topic, "-p", `${partition}`],
      ...(compression === undefined ? [] : ["-z", compression]),
      ...Object.entries(settings).flatMap(([name, value]) => ["-X", `${name}=${value}`]),
    ],
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const ending = child.output();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")));
  await writer.close();
  const { success, stderr } = await ending;
  if (!success) throw new Error(`kcat failed: ${new TextDecoder().decode(stderr)}`);
}

/**
 * Reads a topic's partition to its end with kcat, in a format of its own (`-f`).
 *
 * @throws {Error} with its output, when it fails
 */
export async function kcatRead(
  { bootstrap, topic, partition = 0, format }: {
    readonly bootstrap: string;
    readonly topic: string;
    readonly partition?: number;
    readonly format: string;
  },
): Promise<Uint8Array> {
  const { success, stdout, stderr } = await new Deno.Command("kcat", {
    args: [
      ...["-C", "-b", bootstrap, "-t", topic, "-p", `${partition}`],
      ...["-o", "beginning", "-e", "-q", "-f", format],
    ],
    stdin: "null",
  }).output();
  if (!success) throw new Error(`kcat failed: ${new TextDecoder().decode(stderr)}`);
  return stdout;
}
