import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const RUN_TESTS = fileURLToPath(new URL("../run_tests.ts", import.meta.url));

/** Runs the runner on files with these texts. */
async function run(
  files: Readonly<Record<string, string>>,
  ...flags: string[]
): Promise<{ code: number; lines: string[] }> {
  const folder = await Deno.makeTempDir({ prefix: "kafka-proxy-run-tests-" });
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", RUN_TESTS, ...flags, folder],
      env: { NO_COLOR: "1" },
      stderr: "null",
    }).output();
    return { code, lines: new TextDecoder().decode(stdout).trimEnd().split("\n") };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const PASSES = 'Deno.test("passes", async (t) => { await t.step("one", () => {}); });\n';
const FAILS = 'Deno.test("fails", () => { throw new Error("x"); });\n';
const SKIPPED = 'Deno.test({ name: "skipped", ignore: true, fn: () => {} });\n';

Deno.test("run_tests.ts sums passed, failed and skipped tests of all files in its last line", async () => {
  const files = {
    "a_test.ts": PASSES + SKIPPED,
    "b_test.ts": PASSES + FAILS,
    "killed_test.ts": PASSES + 'Deno.test("is", () => Deno.kill(Deno.pid, "SIGKILL"));',
    "not_one.ts": FAILS,
    "throws_test.ts": "throw new Error('x');",
  };
  const { code, lines } = await run(files, "--no-check");
  assert.equal(code, 1);
  assert.equal(lines.at(-1), "2 passed, 3 failed, 1 skipped");
  assert.deepEqual(
    lines.slice(-4, -1).map((line) => line.replace(/[^\s(]*\//, "")),
    [
      "FAILED fails (b_test.ts)",
      "FAILED killed_test.ts: deno test ended with code 137",
      "FAILED throws_test.ts: deno test ended with code 1",
    ],
  );
  const closing = lines.filter((line) => /^\d+ passed, \d+ failed/.test(line));
  assert.equal(closing.length, 1, "exactly one closing line");
});

Deno.test("run_tests.ts counts a failure for types that are wrong, once, and runs all the same", async () => {
  const { code, lines } = await run({
    "a_test.ts": `const x: number = "a"; x;\n${PASSES}`,
    "b_test.ts": PASSES,
  });
  assert.deepEqual([code, lines.at(-1)], [1, "2 passed, 1 failed"]);
  assert.equal(lines.at(-2), "FAILED types: deno check found errors");
});

Deno.test("run_tests.ts counts a failure for a file that does not compile", async () => {
  const { code, lines } = await run({ "a_test.ts": "const x = ;" }, "--no-check");
  assert.deepEqual([code, lines.at(-1)], [1, "0 passed, 1 failed"]);
});

Deno.test("run_tests.ts ends with 0 when all passed, whatever tests print", async () => {
  const prints = 'Deno.test("prints", () => console.log("ok | 0 passed | 5 failed (1ms)"));';
  const { code, lines } = await run({ "a_test.ts": PASSES, "b_test.ts": prints }, "--no-check");
  assert.deepEqual([code, lines.at(-1)], [0, "2 passed, 0 failed"]);
});

Deno.test("run_tests.ts fails without any test, and with a filter that fits none", async () => {
  const none = await run({ "a_test.ts": "" }, "--no-check");
  assert.deepEqual([none.code, none.lines.at(-1)], [1, "0 passed, 0 failed"]);
  const filtered = await run({ "a_test.ts": PASSES }, "--no-check", "--filter", "nothing");
  assert.deepEqual([filtered.code, filtered.lines.at(-1)], [1, "0 passed, 0 failed"]);
});
