import assert from "node:assert/strict";
import type { Command } from "../../src/cli/command.ts";
import { isPassword } from "../../src/auth/passwords.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { runCommand } from "../../src/cli/run_command.ts";
import { configJsonSchema } from "../../src/config/config_schema.ts";
import { parsePasswordHash } from "../../src/core/password_hash.ts";
import { FakeShell } from "../support/fake_shell.ts";

/** A command that prints its name and its arguments. */
function echo(name: string, usage?: string): Command {
  return {
    name,
    summary: "echoes",
    usage,
    run: ({ print, args }) => {
      print([name, ...args].join(" "));
      return Promise.resolve(0);
    },
  };
}

const ECHOES = [echo("serve"), echo("topics", "how topics is used\n")];

for (
  const [args, printed] of [
    [[], "serve"],
    [["--port", "0"], "serve --port 0"],
    [["--", "--port", "0"], "serve -- --port 0"],
    [["serve", "--port", "0"], "serve --port 0"],
    [["--help"], "serve --help"],
    [["topics", "-x"], "topics -x"],
    [["topics", "--help"], "how topics is used"],
    [["topics", "a", "-h"], "how topics is used"],
  ] as const
) {
  Deno.test(`runCommand() runs ${JSON.stringify(args)}`, async () => {
    const shell = new FakeShell(args);
    assert.equal(await runCommand(ECHOES, shell), 0);
    assert.deepEqual(shell.printed, [printed]);
  });
}

Deno.test("runCommand() names the nearest command for one that is none", async () => {
  const shell = new FakeShell(["topcis"]);
  assert.equal(await runCommand(ECHOES, shell), 2);
  assert.deepEqual(shell.complaints, [
    '"topcis" is not a command (did you mean topics?); --help shows all',
  ]);
});

Deno.test("COMMANDS have names of their own, and summaries that fit into the help text", () => {
  assert.equal(COMMANDS[0].name, "serve");
  assert.equal(new Set(COMMANDS.map(({ name }) => name)).size, COMMANDS.length);
  for (const { summary } of COMMANDS) assert.match(summary, /^[A-Z].{0,69}[^.]$/);
});

Deno.test("COMMANDS are listed by --help", async () => {
  const shell = new FakeShell(["--help"]);
  assert.equal(await runCommand(COMMANDS, shell), 0);
  for (const { name, summary } of COMMANDS) {
    assert.match(shell.printed[0], new RegExp(`^ {2}${name} +${summary}$`, "m"));
  }
});

Deno.test("config check ends with 0 and says how much is given, all in order", async () => {
  const shell = new FakeShell(["config", "check", "--config", "c", "--port", "0"], {
    files: { c: "kafka: a:1\n" },
  });
  assert.equal(await runCommand(COMMANDS, shell), 0);
  assert.match(shell.printed[0], /in order: 3 settings given/);
});

Deno.test("config check ends with 2 and every mistake", async () => {
  const shell = new FakeShell(["config", "check", "--config", "c", "--prot", "0"], {
    files: { c: "kafak: a:1\n" },
  });
  assert.equal(await runCommand(COMMANDS, shell), 2);
  assert.equal(shell.complaints.length, 4, shell.complaints.join("\n"));
  assert.deepEqual(shell.printed, []);
});

Deno.test("config show hides secrets and says where values come from", async () => {
  const shell = new FakeShell(["config", "show", "--kafka", "a:1"], {
    env: { KAFKA_PROXY_AUTH: "hunter2" },
  });
  assert.equal(await runCommand(COMMANDS, shell), 0);
  assert.match(shell.printed[0], /^auth: "\*\*\*" # environment, KAFKA_PROXY_AUTH$/m);
  assert.doesNotMatch(shell.printed[0], /hunter2/);
});

Deno.test("config schema prints the JSON Schema", async () => {
  const shell = new FakeShell(["config", "schema"]);
  assert.equal(await runCommand(COMMANDS, shell), 0);
  assert.equal(`${shell.printed[0]}\n`, configJsonSchema());
});

for (
  const [args, complaint] of [
    [[], /needs one of check, show, schema/],
    [["shwo"], /"shwo" is not one of check, show, schema \(did you mean show\?\)/],
    [["check", "--version"], /takes the server's settings only/],
  ] as const
) {
  Deno.test(`config ${args.join(" ")} ends with 2`, async () => {
    const shell = new FakeShell(["config", ...args]);
    assert.equal(await runCommand(COMMANDS, shell), 2);
    assert.match(shell.complaints[0], complaint);
  });
}

Deno.test("hash-password hashes what stands on standard input, less its line break", async () => {
  const shell = new FakeShell(["hash-password"], { stdin: "hunter2\n" });
  assert.equal(await runCommand(COMMANDS, shell), 0);
  const hash = parsePasswordHash(shell.printed[0]);
  assert.ok(hash !== undefined && await isPassword("hunter2", hash));
});

Deno.test("hash-password asks a person twice", async () => {
  const same = new FakeShell(["hash-password"], { typed: ["hunter2", "hunter2"] });
  assert.equal(await runCommand(COMMANDS, same), 0);
  assert.match(same.printed[0], /^\$scrypt\$/);
  const other = new FakeShell(["hash-password"], { typed: ["hunter2", "hunter3"] });
  assert.equal(await runCommand(COMMANDS, other), 1);
  assert.deepEqual(other.complaints, ["the two passwords are different"]);
  const given = new FakeShell(["hash-password"], { typed: [undefined] });
  assert.deepEqual([await runCommand(COMMANDS, given), given.printed], [1, []]);
});

for (
  const [what, shell] of [
    ["on the command line", new FakeShell(["hash-password", "hunter2"])],
    ["that is empty", new FakeShell(["hash-password"], { stdin: "\n" })],
    ["with a line break in it", new FakeShell(["hash-password"], { stdin: "a\nhunter2\n" })],
    ["that is too long", new FakeShell(["hash-password"], { stdin: "x".repeat(1025) })],
  ] as const
) {
  Deno.test(`hash-password ends with 2, a password ${what}`, async () => {
    assert.equal(await runCommand(COMMANDS, shell), 2);
    assert.deepEqual(shell.printed, []);
    assert.doesNotMatch(shell.complaints.join(), /hunter2/);
  });
}
