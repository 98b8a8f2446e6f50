/**
 * `deno task test`: every test, or those of the files and folders given, and one line at the end.
 *
 * @module
 */
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureKafkaJars } from "./kafka/kafka_jars.ts";
import {
  countsLine,
  junitCounts,
  NO_TESTS,
  sumCounts,
  type TestCounts,
} from "./support/junit_counts.ts";

const HELP = `Usage: deno task test [--long] [--no-check] [--filter TEXT] [FILE or FOLDER]...

Runs every test but the long ones, or those that are named, and ends with "N passed, N failed".

  --long         the tests of tests/long too, which take minutes each
  --no-check     without type checks
  --filter TEXT  only tests with this text in their names
  --help         this text`;

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** These need no broker and may share a process; every other file gets one of its own, in turn. */
const FAST_FOLDERS = ["tests/unit", "tests/property", "tests/server"];

/** Takes minutes: runs when asked for. */
const LONG_FOLDER = "tests/long";

/**
 * What looks at time or memory, or takes a port that is known: nothing else runs meanwhile. Other
 * files run two at a time, since they mostly wait.
 */
const ALONE = [
  /^tests\/(bench|long|soak)\//,
  /\/(client_million|console|console_rate|crowds|demo|hostile_load|readme|slow_clients)_test/,
];

/** Files that run at a time, where they may. */
const LANES = 2;

/** A process that takes longer hangs. */
const MOST_MINUTES = 15;

/** Files whose time is told in the end. */
const SLOWEST = 25;

/** Arguments of one `deno test`. */
interface Group {
  readonly name: string;
  readonly args: readonly string[];
  /** Its types are checked when it runs; those of files are before. */
  readonly needsCheck?: boolean;
  /** Others may run at the same time; its output comes when it has ended. */
  readonly isShared?: boolean;
}

interface Arguments {
  readonly paths: readonly string[];
  readonly filter: string | undefined;
  readonly long: boolean;
  readonly noCheck: boolean;
}

/** The arguments, or what to tell the user instead. */
function readArguments(args: readonly string[]): Arguments | string {
  const paths: string[] = [];
  let filter: string | undefined;
  let long = false;
  let noCheck = false;
  for (let i = 0; i < args.length; i++) {
    if (args[i] === "--help") return HELP;
    else if (args[i] === "--long") long = true;
    else if (args[i] === "--no-check") noCheck = true;
    else if (args[i] === "--filter") {
      filter = args[++i];
      if (filter === undefined) return "--filter needs a text";
    } else if (args[i].startsWith("-")) return `${args[i]} is not a flag\n\n${HELP}`;
    else paths.push(relative(ROOT, resolve(args[i])) || ".");
  }
  return { paths, filter, long, noCheck };
}

/**
 * Checks the types of all test files at once: checking them one by one would check what they share
 * as often as there are files.
 */
async function checkTypes(files: readonly string[]): Promise<boolean> {
  console.log("\n=== types");
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--quiet", ...files],
    cwd: ROOT,
    stdin: "null",
  }).spawn().status;
  return success;
}

/** What runs, in this order: what is quick, and says most about a mistake, comes first. */
async function groups({ paths, long }: Arguments): Promise<Group[]> {
  const files: string[] = [];
  for (const path of paths.length === 0 ? ["tests"] : paths) await collect(path, files);
  const inFolder = (file: string, folder: string) => file.startsWith(`${folder}/`);
  const isFast = (file: string) => FAST_FOLDERS.some((folder) => inFolder(file, folder));
  const isAlone = (file: string) => ALONE.some((pattern) => pattern.test(file));
  const fast = files.filter(isFast);
  const found: Group[] = [];
  if (fast.length > 0) {
    found.push({ name: "tests without a broker", args: ["--parallel", ...fast] });
  }
  if (paths.length === 0) {
    // That of the client library needs a server: tests/e2e/client_access_test.ts runs it.
    const args = ["--doc", "--ignore=src/client", "src"];
    found.push({ name: "examples in the source", args, needsCheck: true });
  }
  const slow = files.filter((file) => !isFast(file));
  for (const file of slow) {
    const isWanted = long || paths.length > 0 || !inFolder(file, LONG_FOLDER);
    if (isWanted) found.push({ name: file, args: [file], isShared: !isAlone(file) });
  }
  const shared = found.filter(({ isShared }) => isShared);
  // Few were asked for: somebody watches.
  if (shared.length <= LANES) return found.map((group) => ({ ...group, isShared: false }));
  return [undefined, true, false].flatMap((kind) =>
    found.filter(({ isShared }) => isShared === kind)
  );
}

/** Test files at or below a path of the repository, in the order of their names. */
async function collect(path: string, files: string[]): Promise<void> {
  if ((await Deno.stat(join(ROOT, path))).isFile) {
    files.push(path);
    return;
  }
  const entries: Deno.DirEntry[] = [];
  for await (const entry of Deno.readDir(join(ROOT, path))) entries.push(entry);
  entries.sort((one, other) => one.name < other.name ? -1 : 1);
  for (const { name, isDirectory } of entries) {
    if (isDirectory && !name.startsWith(".")) await collect(join(path, name), files);
    else if (/_test\.ts$/.test(name)) files.push(join(path, name));
  }
}

/** Runs `deno test` with its output on ours, and counts what its report says. */
async function runGroup(
  { name, args, needsCheck = false, isShared = false }: Group,
  { filter, noCheck }: Arguments,
): Promise<TestCounts> {
  if (!isShared) console.log(`\n=== ${name}`);
  const report = await Deno.makeTempFile({ prefix: "kafka-proxy-tests-", suffix: ".xml" });
  try {
    const flags = filter === undefined ? [] : [`--filter=${filter}`];
    if (noCheck || !needsCheck) flags.push("--no-check");
    const child = new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", `--junit-path=${report}`, ...flags, ...args],
      cwd: ROOT,
      env: { DENO_JOBS: "2" },
      stdin: "null",
      stdout: isShared ? "piped" : "inherit",
      stderr: isShared ? "piped" : "inherit",
    }).spawn();
    const output = isShared ? child.output() : undefined;
    let hangs = false;
    const timer = setTimeout(() => {
      hangs = true;
      child.kill("SIGKILL");
    }, MOST_MINUTES * 60_000);
    const { success, code } = await child.status;
    clearTimeout(timer);
    if (output !== undefined) await show(name, await output);
    const counted = junitCounts(await Deno.readTextFile(report));
    // What the filter left out is reported like what a test left out itself.
    const counts = filter === undefined ? counted : { ...counted, skipped: 0 };
    if (success || counts.failed > 0) return counts;
    // It did not compile, a module threw, or the process was killed: no test bears the blame.
    const why = hangs ? `hung for ${MOST_MINUTES} minutes` : `ended with code ${code}`;
    return sumCounts([counts, { ...NO_TESTS, failed: 1, failures: [`${name}: deno test ${why}`] }]);
  } finally {
    await Deno.remove(report);
  }
}

/** What a process has said, when it has ended. */
async function show(name: string, { stdout, stderr }: Deno.CommandOutput): Promise<void> {
  console.log(`\n=== ${name}`);
  await write(Deno.stdout, stdout);
  await write(Deno.stderr, stderr);
}

async function write(to: { write(bytes: Uint8Array): Promise<number> }, bytes: Uint8Array) {
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}

/** Takes groups in their order, as many at a time as may. */
async function inLanes(groups: readonly Group[], run: (group: Group) => Promise<void>) {
  const running = new Set<Promise<void>>();
  for (const group of groups) {
    while (running.size >= (group.isShared ? LANES : 1)) await Promise.race(running);
    const ended: Promise<void> = run(group).finally(() => running.delete(ended));
    running.add(ended);
    if (!group.isShared) await ended;
  }
  await Promise.all(running);
}

async function main(): Promise<number> {
  const parsed = readArguments(Deno.args);
  if (typeof parsed === "string") {
    (parsed === HELP ? console.log : console.error)(parsed);
    return parsed === HELP ? 0 : 2;
  }
  const startMs = performance.now();
  const toRun = await groups(parsed);
  const needsKafka = toRun.some(({ name }) => name.startsWith("tests/"));
  // Here and not in the first test that needs them, whose output would not say what takes so long.
  if (needsKafka) await ensureKafkaJars({ onProgress: console.log });
  const counts: TestCounts[] = [];
  const files = toRun.flatMap(({ args }) => args.filter((arg) => arg.endsWith("_test.ts")));
  if (!parsed.noCheck && files.length > 0 && !await checkTypes(files)) {
    counts.push({ ...NO_TESTS, failed: 1, failures: ["types: deno check found errors"] });
  }
  const results = new Map<Group, TestCounts>();
  const taken: { name: string; seconds: number }[] = [];
  await inLanes(toRun, async (group) => {
    const groupMs = performance.now();
    results.set(group, await runGroup(group, parsed));
    taken.push({ name: group.name, seconds: Math.round((performance.now() - groupMs) / 1_000) });
  });
  for (const group of toRun) counts.push(results.get(group) ?? NO_TESTS);
  const total = sumCounts(counts);
  taken.sort((one, other) => other.seconds - one.seconds);
  console.log("\nThe slowest:");
  for (const { name, seconds } of taken.slice(0, SLOWEST)) console.log(`${seconds} s  ${name}`);
  console.log(`\n${"=".repeat(20)} ${Math.round((performance.now() - startMs) / 1_000)} s`);
  for (const failure of total.failures) console.log(`FAILED ${failure}`);
  if (total.passed + total.failed === 0) console.log("FAILED: there was no test to run");
  console.log(countsLine(total));
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

if (import.meta.main) {
  try {
    Deno.exit(await main());
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}
