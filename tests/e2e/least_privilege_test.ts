import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** What a program under the server's permissions is refused: each gives the name of the error. */
const PROGRAM = `
const attempts = {
  "read another file": () => Deno.readTextFileSync("/etc/hostname"),
  "read its own source": () => Deno.readTextFileSync(new URL("./README.md", "file://${ROOT}")),
  "list a folder": () => [...Deno.readDirSync("/")],
  "write a file": () => Deno.writeTextFileSync("/tmp/kafka-proxy-must-not-be", ""),
  "run a program": () => new Deno.Command("true").outputSync(),
  "open a library": () => Deno.dlopen("libc.so.6", {}),
  "ask for the machine's name": () => Deno.hostname(),
  "ask for the system's memory": () => Deno.systemMemoryInfo(),
  "read a variable that is not its own": () => {
    if (Deno.env.get("SECRET_OF_ANOTHER") === undefined) throw new Deno.errors.NotCapable("ignored");
  },
  "load a module from elsewhere": () => import("file:///tmp/kafka-proxy-module.js"),
};
const outcomes = {};
for (const [name, attempt] of Object.entries(attempts)) {
  try {
    await attempt();
    outcomes[name] = "allowed";
  } catch (error) {
    outcomes[name] = error.name;
  }
}
console.log(JSON.stringify(outcomes));
`;

const REFUSED = {
  "read another file": "NotCapable",
  "read its own source": "NotCapable",
  "list a folder": "NotCapable",
  "write a file": "NotCapable",
  "run a program": "NotCapable",
  "open a library": "NotCapable",
  "ask for the machine's name": "NotCapable",
  "ask for the system's memory": "NotCapable",
  "read a variable that is not its own": "NotCapable",
  "load a module from elsewhere": "TypeError",
};

async function outcomes(file: string, command: string[], env = {}): Promise<unknown> {
  const { stdout, stderr } = await new Deno.Command(command[0], {
    args: [...command.slice(1)],
    cwd: ROOT,
    env: { SECRET_OF_ANOTHER: "x", NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.ok(text.startsWith("{"), `${file}: ${text}${new TextDecoder().decode(stderr)}`);
  return JSON.parse(text);
}

async function withProgram(run: (file: string) => Promise<void>): Promise<void> {
  // Inside the repository: permission sets are those of its deno.json.
  const folder = await Deno.makeTempDir({ dir: ROOT, prefix: ".least-privilege-" });
  try {
    const file = `${folder}/attempts.js`;
    await Deno.writeTextFile(file, PROGRAM);
    await run(file);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the permission set of deno task start refuses files, programs, libraries, system and others' variables", async () => {
  await withProgram(async (file) => {
    const found = await outcomes(file, [Deno.execPath(), "run", "-P=server", "--no-prompt", file]);
    assert.deepEqual(found, REFUSED);
  });
});

Deno.test("the permission set of deno task start allows a file that is named, and no other", async () => {
  await withProgram(async (file) => {
    const flags = ["-P=server", "--allow-read=/etc/hostname", "--no-prompt"];
    const found = await outcomes(file, [Deno.execPath(), "run", ...flags, file]);
    assert.deepEqual(found, { ...REFUSED, "read another file": "allowed" });
  });
});

/** A binary's permissions are fixed when it is made, and its files are named later. */
const BINARY_REFUSED = {
  ...REFUSED,
  "read another file": "allowed",
  "read its own source": "allowed",
  "list a folder": "allowed",
};

Deno.test("the permission set of the compiled binary adds reading files, and nothing else", async () => {
  await withProgram(async (file) => {
    const found = await outcomes(file, [Deno.execPath(), "run", "-P=binary", "--no-prompt", file]);
    assert.deepEqual(found, BINARY_REFUSED);
  });
});

Deno.test("deno task start and compile use these sets and add nothing to them", async () => {
  const { tasks, permissions } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const flagsOf = (text: string) => text.match(/(?<=[\s"])(-P[^\s"]*|-A|--allow-[^\s"]+)/g);
  assert.deepEqual(flagsOf(tasks.start), ["-P=server"]);
  assert.deepEqual(flagsOf(await Deno.readTextFile(`${ROOT}deploy/compile.ts`)), ["-P=binary"]);
  const { server, binary } = permissions;
  assert.deepEqual(server, { net: true, env: { allow: ["KAFKA_PROXY_*"], ignore: true } });
  assert.deepEqual(binary, {
    net: true,
    env: { allow: ["KAFKA_PROXY_*", "NO_COLOR"], ignore: true },
    read: true,
  });
});

Deno.test("a compiled binary is refused what its set does not have, whatever it is started with", async (t) => {
  await withProgram(async (file) => {
    const binary = `${file}.bin`;
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["compile", "-P=binary", "--no-prompt", "--output", binary, file],
      cwd: ROOT,
      stdin: "null",
    }).output();
    const text = new TextDecoder().decode(stderr);
    if (!success && /denort/.test(text)) {
      console.log(`Skipped, denort, Deno's runtime stub, cannot be downloaded here: ${t.name}`);
      return;
    }
    assert.ok(success, text);
    const found = await outcomes(file, [binary, "--allow-all"]);
    assert.deepEqual(found, BINARY_REFUSED);
  });
});
