import assert from "node:assert/strict";
import { Hono } from "hono";
import { CONSOLE_ASSETS } from "../../src/console/assets.ts";
import { consoleRoutes, wantsPage } from "../../src/server/console_routes.ts";
import type { HttpBindings, HttpRoutes } from "../../src/server/http_routes.ts";

const PAGE = new URL("../../src/console/page/", import.meta.url);

Deno.test("CONSOLE_ASSETS has every file of the page, and each import of one is there", async () => {
  const files = [...Deno.readDirSync(PAGE)].map(({ name }) => name).sort();
  const named = files.map((name) => name === "index.html" ? "/" : `/console/${name}`);
  assert.deepEqual(Object.keys(CONSOLE_ASSETS).sort(), named.sort());
  for (const name of files.filter((name) => name.endsWith(".js"))) {
    const text = await Deno.readTextFile(new URL(name, PAGE));
    for (const [, specifier] of text.matchAll(/^import .* from "([^"]*)";$/gm)) {
      assert.ok(files.includes(specifier.slice(2)), `${name} imports ${specifier}`);
    }
  }
});

Deno.test("the console has no markup from data, no inline script and no inline style", () => {
  for (const [path, { text }] of Object.entries(CONSOLE_ASSETS)) {
    assert.doesNotMatch(
      text,
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b/,
      path,
    );
  }
  const { text } = CONSOLE_ASSETS["/"];
  assert.doesNotMatch(text, /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=/i);
});

Deno.test("consoleRoutes() serves the page with a policy that allows nothing inline", async () => {
  const routes: HttpRoutes = new Hono<{ Bindings: HttpBindings }>();
  consoleRoutes(routes);
  const response = await routes.fetch(new Request("http://localhost/"), { remoteAddress: "::1" });
  assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
  const policy = response.headers.get("content-security-policy") ?? "";
  assert.match(
    policy,
    /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'/,
  );
  assert.doesNotMatch(policy, /unsafe|\*/);
  assert.equal(await response.text(), CONSOLE_ASSETS["/"].text);
  const script = await routes.fetch(new Request("http://localhost/console/main.js"), {
    remoteAddress: "::1",
  });
  assert.equal(script.headers.get("content-type"), "text/javascript; charset=utf-8");
  assert.equal(script.headers.get("access-control-allow-origin"), null);
  await script.body?.cancel();
});

for (
  const [what, wanted, method, headers] of [
    ["a browser", true, "GET", { accept: "text/html,application/xhtml+xml,*/*;q=0.8" }],
    ["a WebSocket of a browser", false, "GET", { upgrade: "websocket", accept: "text/html" }],
    ["curl", false, "GET", { accept: "*/*" }],
    ["a form", false, "POST", { accept: "text/html" }],
    ["nobody in particular", false, "GET", {}],
  ] as const
) {
  Deno.test(`wantsPage() is ${wanted} for ${what}`, () => {
    assert.equal(wantsPage(new Request("http://localhost/", { method, headers })), wanted);
  });
}
