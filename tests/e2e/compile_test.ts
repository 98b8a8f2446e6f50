import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { VERSION } from "../../src/core/version.ts";
import { codeOf, sourceFiles } from "../support/source_code.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A small program that is not denort: everything is embedded all the same. */
const STUB = "/bin/true";

interface Dependency {
  readonly code?: { readonly specifier?: string; readonly error?: string };
}

interface Graph {
  readonly modules: readonly {
    readonly specifier: string;
    readonly error?: string;
    readonly dependencies?: readonly Dependency[];
  }[];
}

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function deno(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

function compile(output: string, env: Record<string, string>): Promise<Ran> {
  return deno(["run", "-A", "deploy/compile.ts", "--output", output], env);
}

/** What runs when src/main.ts does; modules that are only types are not there. */
async function runtimeModules(): Promise<string[]> {
  const { stdout } = await deno(["info", "--json", "src/main.ts"]);
  const { modules }: Graph = JSON.parse(stdout);
  assert.deepEqual(modules.filter(({ error }) => error !== undefined), []);
  const bySpecifier = new Map(modules.map((module) => [module.specifier, module]));
  const found = new Set<string>();
  const waiting = [modules.find(({ specifier }) => specifier.endsWith("/src/main.ts"))!.specifier];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    for (const { code } of bySpecifier.get(next)?.dependencies ?? []) {
      assert.equal(code?.error, undefined, next);
      if (code?.specifier !== undefined) waiting.push(code.specifier);
    }
  }
  return [...found];
}

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("deno compile embeds every module that runs, KafkaJS's inner ones among them", async () => {
  const modules = await runtimeModules();
  const { imports } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const deep = Object.entries<string>(imports).filter(([name]) => name.startsWith("kafkajs/src/"));
  assert.ok(deep.length >= 6);
  const graph = modules.join("\n");
  for (const [name] of deep) {
    const path = name.slice("kafkajs/".length);
    assert.ok(new RegExp(`kafkajs@[^/]+/${path}`).test(graph), `${name} is in the graph`);
  }
  await withFolder(async (folder) => {
    const output = `${folder}/kafka-proxy`;
    const args = [
      "compile",
      "-P=binary",
      "--exclude-unused-npm",
      "--output",
      output,
      "src/main.ts",
    ];
    const { code, stdout, stderr } = await deno(args, { DENORT_BIN: STUB });
    assert.equal(code, 0, stderr);
    const listed = stdout + stderr;
    assert.ok(/kafkajs\/[\d.]+\/\*/.test(listed), "KafkaJS is embedded whole");
    assert.ok(!listed.includes("playwright"), "what only tests use is not embedded");
    const bytes = new TextDecoder("latin1").decode(await Deno.readFile(output));
    const own = modules.filter((name) => name.startsWith("file:"));
    assert.ok(own.length > 80, `only ${own.length} of ours run`);
    for (const name of own) {
      const file = name.slice(name.lastIndexOf("/") + 1);
      assert.ok(bytes.includes(file), `${name} is embedded`);
    }
    for (const [name] of deep) {
      const [file, folderName] = name.split("/").reverse();
      assert.ok(bytes.includes(file) && bytes.includes(folderName), `${name} is embedded`);
    }
  });
});

Deno.test("src/ reads no file of its own at run time, which a binary would not have", async () => {
  const readers = (await sourceFiles("src")).filter(({ text }) =>
    /Deno\s*\.\s*(?:readTextFile|readFile|open)\w*\s*\([^)]*import\.meta/.test(codeOf(text))
  );
  assert.deepEqual(readers.map(({ path }) => path), []);
});

Deno.test("deno task compile fails, and leaves no file, where DENORT_BIN is another program", async () => {
  await withFolder(async (folder) => {
    const { code, stderr } = await compile(`${folder}/kafka-proxy`, { DENORT_BIN: STUB });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /what DENORT_BIN names is not denort, but perhaps deno itself/);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  });
});

Deno.test("deno task compile makes a binary that tells our version", async () => {
  await withFolder(async (folder) => {
    const output = `${folder}/kafka-proxy`;
    const env = Deno.env.get("DENORT_BIN");
    const { code, stderr } = await compile(output, env === undefined ? {} : { DENORT_BIN: env });
    if (code === 3) {
      assert.match(stderr, /Name one with DENORT_BIN=PATH/);
      console.log("Skipped: no denort can be downloaded here, and DENORT_BIN names none");
      return;
    }
    assert.equal(code, 0, stderr);
    const { stdout } = await new Deno.Command(output, { args: ["--version"] }).output();
    assert.equal(new TextDecoder().decode(stdout).trim(), `kafka-proxy ${VERSION}`);
  });
});
