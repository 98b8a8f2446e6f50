import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { COMMANDS } from "../../src/cli/commands.ts";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { hasTool } from "../support/debian_tool.ts";
import { eventually } from "../support/eventually.ts";
import { hasKcat, kcatProduce } from "../support/kcat.ts";
import { newTopic } from "../support/new_topic.ts";
import { ProxyProcess } from "../support/proxy_process.ts";
import { ShellCommand, type ShellResult } from "../support/shell_command.ts";

const sharedKafka = shareKafka();

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The command as a shell function, so that the tests read as a user types. */
const PRELUDE = `set -o pipefail
kafka-proxy() { "${Deno.execPath()}" run --quiet -P=binary src/main.ts "$@"; }
`;

async function bash(script: string, input = ""): Promise<ShellResult> {
  const line = `bash -c '${(PRELUDE + script).replaceAll("'", "'\\''")}'`;
  return await ShellCommand.run(line, { cwd: ROOT, input, timeoutMs: 60_000 });
}

/** Runs it, and gives what it wrote; anything but code 0 is an error. */
async function output(script: string, input = ""): Promise<string> {
  const { code, stdout, stderr } = await bash(script, input);
  assert.equal(code, 0, stderr);
  return stdout;
}

async function started(args: readonly string[] = []) {
  const { kafka, helper } = await sharedKafka();
  const proxy = await ProxyProcess.start({ args: ["--kafka", kafka.bootstrap, ...args] });
  await proxy.event("kafka_connected");
  return { kafka, helper, proxy, at: `-b ${proxy.url}` };
}

Deno.test("produce writes lines of a pipe, and kcat reads them with keys and headers", async () => {
  if (!await hasKcat()) return;
  const { kafka, helper, proxy, at } = await started();
  await using _proxy = proxy;
  const topic = "cli-produce";
  await newTopic(helper, topic);
  await output(
    `kafka-proxy produce ${at} -t ${topic} -K : -H trace=x -Z`,
    "k1:one\nk2:zwei ü\nk3:\n:\n",
  );
  const read = await output(
    `kcat -C -q -b ${kafka.bootstrap} -t ${topic} -e -f '%o %k %S %s %h\\n'`,
  );
  assert.equal(
    read,
    "0 k1 3 one trace=x\n1 k2 7 zwei ü trace=x\n2 k3 -1  trace=x\n3  -1  trace=x\n",
  );
});

Deno.test("consume reads what kcat wrote: lines, keys, JSON, formats, places and counts", async () => {
  if (!await hasKcat()) return;
  const { kafka, helper, proxy, at } = await started();
  await using _proxy = proxy;
  const topic = "cli-consume";
  await newTopic(helper, topic);
  const lines = Array.from({ length: 100 }, (_, i) => `line ${i}`);
  await kcatProduce({ bootstrap: kafka.bootstrap, topic, lines });
  const consume = (flags: string) => output(`kafka-proxy consume ${at} -t ${topic} ${flags}`);
  assert.equal(await consume("-o beginning -e"), lines.map((line) => `${line}\n`).join(""));
  assert.equal(await consume("-o -2 -e"), "line 98\nline 99\n");
  assert.equal(await consume("-p 0 -o 50 -c 2"), "line 50\nline 51\n");
  assert.equal(
    await consume("-o beginning -c 1 -f '%t %p %o %S|%s|%k|\\x21\\n'"),
    `${topic} 0 0 6|line 0||!\n`,
  );
  assert.equal(await consume("-o beginning -c 2 -K '\\t' -Z -D ';'"), "NULL\tline 0;NULL\tline 1;");
  const [first] = (await consume("-o beginning -c 1 -J")).trim().split("\n");
  const { ts, ...rest } = JSON.parse(first);
  assert.ok(Math.abs(Date.now() - ts) < 120_000);
  assert.deepEqual(rest, {
    topic,
    partition: 0,
    offset: 0,
    headers: [],
    key: null,
    payload: "line 0",
  });
});

Deno.test("consume -G commits what was written, and goes on there the next time", async () => {
  const { helper, proxy, at } = await started();
  await using _proxy = proxy;
  const topic = "cli-group";
  await newTopic(helper, topic);
  await helper.produce({ topic, count: 20 });
  const format = "-f '%o\\n'";
  const first = await output(
    `kafka-proxy consume ${at} -t ${topic} -G cli -p 0 -o beginning -c 5 ${format}`,
  );
  assert.equal(first, "0\n1\n2\n3\n4\n");
  assert.deepEqual((await helper.groupOffsets("cli")).map(({ offset }) => offset), [5]);
  const second = await output(`kafka-proxy consume ${at} -t ${topic} -G cli -p 0 -e ${format}`);
  assert.equal(second, Array.from({ length: 15 }, (_, i) => `${i + 5}\n`).join(""));
});

Deno.test("consume ends with 0 when the other end of its pipe has had enough", async () => {
  const { helper, proxy, at } = await started();
  await using _proxy = proxy;
  const topic = "cli-head";
  await newTopic(helper, topic);
  await helper.produce({ topic, count: 50_000 });
  const script =
    `kafka-proxy consume ${at} -t ${topic} -o beginning -f '%o\\n' | head -n 3; echo "\${PIPESTATUS[0]}"`;
  assert.equal(await output(script), "0\n1\n2\n0\n");
});

Deno.test("consume -J into produce -J copies a topic", async () => {
  const { helper, proxy, at } = await started();
  await using _proxy = proxy;
  for (const topic of ["cli-from", "cli-to"]) await newTopic(helper, topic);
  await output(`kafka-proxy produce ${at} -t cli-from -K : -H a=1`, "k:v\nl:w\n");
  await output(
    `kafka-proxy consume ${at} -t cli-from -o beginning -e -J | kafka-proxy produce ${at} -t cli-to -J`,
  );
  const copy = await output(`kafka-proxy consume ${at} -t cli-to -o beginning -e -f '%k %s %h\\n'`);
  assert.equal(copy, "k v a=1\nl w a=1\n");
});

Deno.test("topics, offsets, groups and sessions show what a running proxy does", async () => {
  const { helper, proxy, at } = await started();
  await using _proxy = proxy;
  const topic = "cli-views";
  await newTopic(helper, topic, { partitions: 2 });
  await helper.produce({ topic, count: 20 });
  assert.match(
    await output(`kafka-proxy topics ${at} -t ${topic}`),
    /^TOPIC +PARTITIONS +RECORDS\ncli-views +2 +20\n$/,
  );
  assert.deepEqual(
    (await output(`kafka-proxy offsets ${at} -t ${topic}`)).trim().split("\n").slice(1)
      .map((line) => line.split(/ +/).filter((_, i) => i !== 2)),
    [[topic, "0", "0", "10", "10"], [topic, "1", "0", "10", "10"]],
  );
  await using reading = new ShellCommand(
    `bash -c '${PRELUDE} kafka-proxy consume ${at} -t ${topic} -G cli-views -o beginning -q'`,
    { cwd: ROOT },
  );
  await eventually("it to have read all", () => reading.stdout.trim().split("\n").length === 20, {
    timeoutMs: 30_000,
  });
  const groups = await eventually("its lag to be 0", async () => {
    const text = await output(`kafka-proxy groups ${at}`);
    return /cli-views +balanced +1 +0\n/.test(text) ? text : false;
  });
  assert.match(groups, /^GROUP +KIND +MEMBERS +LAG\n/);
  assert.equal(
    (await output(`kafka-proxy groups ${at} -G cli-views`)).trim().split("\n").length,
    3,
  );
  assert.match(
    await output(`kafka-proxy sessions ${at}`),
    / live +v2\S* +anonymous +127\.0\.0\.1 +cli-views +0 /,
  );
  const { timestampMs } = JSON.parse(await output(`kafka-proxy groups ${at} -J`));
  assert.ok(Math.abs(Date.now() - timestampMs) < 60_000);
});

Deno.test("commands say what is wrong, and end with 1 or 2", async () => {
  const { proxy, at } = await started(["--auth", "thisisapassword"]);
  await using _proxy = proxy;
  const cases: readonly [string, number, RegExp][] = [
    ["kafka-proxy consume", 2, /-t TOPIC is missing/],
    ["kafka-proxy consume -t a -o sometime", 2, /-o "sometime" is none of beginning/],
    ["kafka-proxy consume -t a -f '%q'", 2, /%q is none of/],
    ["kafka-proxy consume -t a --ofset 1", 2, /Unknown option '--ofset'.*--offset/],
    ["kafka-proxy produce -t a -p x", 2, /-p x is no partition/],
    ["kafka-proxy consume -t a -G g -e", 2, /-e in a group takes -p/],
    ["kafka-proxy offsets", 2, /-t TOPIC is missing/],
    ["kafka-proxy consum -t a", 2, /is not a command.*consume/],
    ["kafka-proxy consume -t a -b ftp://x", 2, /is no address such as ws:/],
    ["kafka-proxy completions tcsh", 2, /one of bash, zsh, fish/],
    ["kafka-proxy topics -b ws://127.0.0.1:1", 1, /Cannot reach the proxy/],
    ["kafka-proxy consume -t a -b ws://127.0.0.1:1", 1, /Cannot connect/],
    [`kafka-proxy topics ${at}`, 1, /401 unauthorized/],
    [`kafka-proxy consume ${at} -t a`, 1, /Cannot connect/],
    [`kafka-proxy consume ${at} --auth thisisapassword -t not-there -e`, 1, /not-there/],
    [`echo x | kafka-proxy produce ${at} --auth thisisapassword -t not-there`, 1, /not-there/],
  ];
  for (const [script, code, said] of cases) {
    const ran = await bash(script);
    assert.equal(ran.code, code, `${script}: ${ran.stderr}`);
    assert.match(ran.stderr, said, script);
    assert.equal(ran.stdout, "", script);
  }
  assert.match(await output(`KAFKA_PROXY_AUTH=thisisapassword kafka-proxy topics ${at}`), /^TOPIC/);
});

Deno.test("doctor ends with 0 when all is in order, and with 1 and advice when not", async () => {
  const { kafka } = await sharedKafka();
  const good = await bash(`kafka-proxy doctor --kafka ${kafka.bootstrap} --port 0`);
  assert.equal(good.code, 0, good.stdout + good.stderr);
  for (
    const line of [
      /^ok +codecs: gzip, snappy, lz4, zstd$/m,
      /^ok +broker .* connects in/m,
      /^ok +cluster .*topic ids$/m,
      /^ok +groups that begin with kafka-proxy\.pin\./m,
      /^look +this clock says .*\n +compare: date -u/m,
    ]
  ) {
    assert.match(good.stdout, line);
  }
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const bad = await bash(`kafka-proxy doctor --kafka 127.0.0.1:1 --port ${port}`);
  assert.equal(bad.code, 1);
  assert.match(
    bad.stdout,
    new RegExp(`^bad +cannot listen on 127\\.0\\.0\\.1:${port}: .*\\n +who has it: ss`, "m"),
  );
  assert.match(
    bad.stdout,
    /^bad +broker 127\.0\.0\.1:1 cannot be reached: .*\n +try: nc -vz 127\.0\.0\.1 1/m,
  );
  const wrong = await bash("kafka-proxy doctor --kafak x");
  assert.equal(wrong.code, 2);
});

for (const { name } of COMMANDS) {
  Deno.test(`${name} --help says how it is used`, async () => {
    const text = await output(`kafka-proxy ${name} --help`);
    assert.match(text, /^(?:Usage|kafka-proxy)/m);
    for (const line of text.split("\n")) assert.ok(line.length <= 110, line);
  });
}

Deno.test("completions: bash completes commands and flags", async () => {
  const complete = (words: string, at: number) =>
    output(`source <(kafka-proxy completions bash)
COMP_WORDS=(kafka-proxy ${words}); COMP_CWORD=${at}; _kafka_proxy; echo "\${COMPREPLY[@]}"`);
  assert.equal(await complete("cons", 1), "consume\n");
  assert.equal(await complete("consume --form", 2), "--format\n");
  for (const shell of ["zsh", "fish"]) {
    assert.match(await output(`kafka-proxy completions ${shell}`), /consume/);
  }
});

Deno.test("in a terminal: progress on standard error, drawn over, NO_COLOR without colour", async () => {
  if (!await hasTool("tmux", { args: ["-V"] })) return;
  const { helper, proxy, at } = await started();
  await using _proxy = proxy;
  const topic = "cli-terminal";
  await newTopic(helper, topic);
  await helper.produce({ topic, count: 5_000 });
  const session = `kafka-proxy-test-${Deno.pid}`;
  const tmux = async (...args: string[]) => {
    const { stdout } = await new Deno.Command("tmux", { args, cwd: ROOT, stdin: "null" }).output();
    return new TextDecoder().decode(stdout);
  };
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/rc`, PRELUDE);
  try {
    await tmux(
      "new-session",
      "-d",
      "-s",
      session,
      "-x",
      "120",
      "-y",
      "20",
      "bash",
      "--rcfile",
      `${folder}/rc`,
    );
    const type = (line: string) => tmux("send-keys", "-t", session, line, "Enter");
    const screen = (...flags: string[]) => tmux("capture-pane", "-p", "-t", session, ...flags);
    await type(
      `kafka-proxy consume ${at} -t ${topic} -o beginning -e > ${folder}/out; echo "code $?"`,
    );
    const shown = await eventually("consume to end", async () => {
      const text = await screen();
      return /^code \d/m.test(text) ? text : false;
    }, { timeoutMs: 30_000, everyMs: 100 });
    assert.match(shown, /^5,000 read, [\d.]+ KiB, [\d,]+ records\/s, cli-terminal 0 at 4999$/m);
    assert.match(shown, /^code 0$/m);
    assert.equal((await Deno.readTextFile(`${folder}/out`)).trim().split("\n").length, 5_000);

    await type("clear");
    await type(`NO_COLOR=1 kafka-proxy produce ${at} -t ${topic} < ${folder}/out; echo "done $?"`);
    await eventually("produce to end", async () => /^done 0$/m.test(await screen()), {
      timeoutMs: 30_000,
      everyMs: 100,
    });
    const colours = await screen("-e");
    assert.match(colours, /^5,000 written, /m);

    // Records on the terminal itself, until Ctrl-C.
    await type("clear");
    await type(`kafka-proxy consume ${at} -t ${topic} -o -1 -f 'record %o\\n'`);
    await eventually("a record on the screen", async () => /^record \d+$/m.test(await screen()), {
      timeoutMs: 30_000,
      everyMs: 100,
    });
    await tmux("send-keys", "-t", session, "C-c");
    await type('echo "ended $?"');
    await eventually("Ctrl-C to end it", async () => /^ended 0$/m.test(await screen()), {
      timeoutMs: 20_000,
      everyMs: 100,
    });
  } finally {
    await tmux("kill-session", "-t", session);
    await Deno.remove(folder, { recursive: true });
  }
});
