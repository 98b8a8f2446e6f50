/** The programs a broker needs; tests name others to see what happens without them. */
export interface JavaCommands {
  /** @default {"java"} */
  readonly java?: string;
  /** @default {"mvn"} */
  readonly maven?: string;
}

const OLDEST_JAVA = 17;
const INSTALL = "install it (Debian: `apt-get install openjdk-17-jre-headless maven`), " +
  "or pass `--kafka HOST:PORT` with a broker of your own";

/** What a user reads when `program` is not there. */
export function missingProgram(program: string, purpose: string): Error {
  return new Error(`Cannot ${purpose}: ${program} is missing; ${INSTALL}`);
}

const checked = new Map<string, Promise<string>>();

/**
 * Makes sure that `java` is there and new enough, and gives its version; looks once a process.
 *
 * @throws {Error} one sentence that says what to install
 */
export function requireJava(java = "java"): Promise<string> {
  const known = checked.get(java);
  if (known) return known;
  const check = checkJava(java);
  checked.set(java, check);
  return check;
}

async function checkJava(java: string): Promise<string> {
  const purpose = "start Apache Kafka";
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(java, { args: ["-version"], stdin: "null" }).output();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw missingProgram("Java 17 or newer", purpose);
    }
    throw error;
  }
  const text = new TextDecoder().decode(output.stderr);
  const [, version = "unknown", major] = /version "((?:1\.)?(\d+)[^"]*)"/.exec(text) ?? [];
  if (Number(major) < OLDEST_JAVA) {
    throw new Error(
      `Cannot ${purpose}: Java 17 or newer is needed, this is ${version}; ${INSTALL}`,
    );
  }
  return version;
}
