import assert from "node:assert/strict";
import { Hono } from "hono";
import { gzipSync } from "node:zlib";
import { CLIENT_ASSETS } from "../../src/console/assets.ts";
import { clientRoutes } from "../../src/server/console_routes.ts";
import type { HttpBindings, HttpRoutes } from "../../src/server/http_routes.ts";
import { sourceFiles } from "../support/source_code.ts";

const ROOT = new URL("../../", import.meta.url);

/** The library may be so large for a page that loads it, compressed as servers do. */
const MOST_BYTES = 12 * 1024;

Deno.test("client.js is what deno task client makes, with its types", async () => {
  const folder = await Deno.makeTempDir({ prefix: "kafka-proxy-bundle-" });
  try {
    const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
    const [command, ...args] = tasks.client.split(" ");
    assert.equal(command, "deno");
    args[args.indexOf("-o") + 1] = `${folder}/client.js`;
    const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT })
      .output();
    assert.ok(success, new TextDecoder().decode(stderr));
    for (const name of ["client.js", "client.d.ts"]) {
      const made = await Deno.readTextFile(`${folder}/${name}`);
      assert.equal(CLIENT_ASSETS[`/${name}`].text, made, `${name} is old: run deno task client`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("client.js is under 12 KB compressed, imports nothing, and says no foreign name", () => {
  const { text } = CLIENT_ASSETS["/client.js"];
  const bytes = gzipSync(text).length;
  assert.ok(bytes < MOST_BYTES, `it is ${bytes} bytes`);
  assert.doesNotMatch(text, /\bimport\b/);
  assert.doesNotMatch(text, /\bDeno\b|\bprocess\b|\brequire\b/);
});

Deno.test("src/client imports types of the protocol only, and no value", async () => {
  for (const { path, text } of await sourceFiles("src/client")) {
    for (const [line] of text.matchAll(/^import [^;]*"\.\.\/[^"]*";$/gms)) {
      assert.match(line, /^import type [^;]*"\.\.\/protocol\//, path);
    }
  }
});

Deno.test("clientRoutes() serves the library to any page, and 304 to one that has it", async () => {
  const routes: HttpRoutes = new Hono<{ Bindings: HttpBindings }>();
  clientRoutes(routes);
  const get = (path: string, headers = {}) =>
    routes.fetch(new Request(`http://localhost${path}`, { headers }), { remoteAddress: "::1" });
  const script = await get("/client.js");
  assert.equal(script.status, 200);
  assert.equal(script.headers.get("content-type"), "text/javascript; charset=utf-8");
  assert.equal(script.headers.get("access-control-allow-origin"), "*");
  assert.equal(script.headers.get("x-content-type-options"), "nosniff");
  assert.equal(script.headers.get("x-typescript-types"), "/client.d.ts");
  assert.equal(await script.text(), CLIENT_ASSETS["/client.js"].text);
  const types = await get("/client.d.ts");
  assert.match(await types.text(), /export declare class KafkaProxyClient /);
  const again = await get("/client.js", { "if-none-match": script.headers.get("etag") });
  assert.equal(again.status, 304);
});

Deno.test("client.js brings its types to a program that imports it from the server", async () => {
  const routes: HttpRoutes = new Hono<{ Bindings: HttpBindings }>();
  clientRoutes(routes);
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => routes.fetch(request, { remoteAddress: "::1" }),
  );
  const folder = await Deno.makeTempDir({ prefix: "kafka-proxy-types-" });
  const checked = async (call: string) => {
    const file = `${folder}/main.ts`;
    const url = `http://127.0.0.1:${server.addr.port}/client.js`;
    await Deno.writeTextFile(
      file,
      `import { KafkaProxyClient } from "${url}";\n` +
        `const client = new KafkaProxyClient("ws://127.0.0.1:1/");\n${call}\n`,
    );
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--no-config", "--no-lock", "--allow-import", `--reload=${url}`, file],
      env: { NO_COLOR: "1" },
    }).output();
    return { success, text: new TextDecoder().decode(stderr) };
  };
  try {
    const good = await checked(
      'const { offset } = await client.produce("orders", { value: "1" });',
    );
    assert.ok(good.success, good.text);
    const wrong = await checked('await client.produce("orders", { valeu: "1" });');
    assert.equal(wrong.success, false);
    assert.match(wrong.text, /'valeu' does not exist in type/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
