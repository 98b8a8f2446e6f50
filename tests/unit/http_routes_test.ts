import assert from "node:assert/strict";
import { httpRoutes } from "../../src/server/http_routes.ts";

/** Asks routes with these reasons not to be ready. */
async function ask(path: string, { method = "GET", reasons = [] as string[] } = {}) {
  const routes = httpRoutes({ reasons: () => reasons });
  const response = await routes.fetch(new Request(`http://localhost:9999${path}`, { method }));
  return { status: response.status, headers: response.headers, text: await response.text() };
}

Deno.test("httpRoutes() says that it serves, /healthz whatever Kafka does", async () => {
  const { status, text } = await ask("/healthz", { reasons: ["Kafka cannot be reached"] });
  assert.equal(status, 200);
  assert.deepEqual(JSON.parse(text), { status: "ok" });
});

Deno.test("httpRoutes() says ready, /readyz without reasons", async () => {
  const { status, text } = await ask("/readyz");
  assert.equal(status, 200);
  assert.deepEqual(JSON.parse(text), { status: "ready", reasons: [] });
});

Deno.test("httpRoutes() says why not, /readyz with reasons", async () => {
  const reasons = ["the server is leaving", "Kafka cannot be reached: refused"];
  const { status, text } = await ask("/readyz", { reasons });
  assert.equal(status, 503);
  assert.deepEqual(JSON.parse(text), { status: "not ready", reasons });
});

Deno.test("httpRoutes() answers HEAD without a body", async () => {
  assert.deepEqual(
    await ask("/healthz", { method: "HEAD" }).then(({ status, text }) => [status, text]),
    [200, ""],
  );
});

for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
  Deno.test(`httpRoutes() says method_not_allowed, ${method} /healthz`, async () => {
    const { status, headers, text } = await ask("/healthz", { method });
    assert.equal(status, 405);
    assert.equal(headers.get("allow"), "GET");
    assert.equal(JSON.parse(text).error.code, "method_not_allowed");
  });
}

for (const path of ["/nothing", "/healthz/", "/healthz/deeper", "/%00", "/favicon.ico"]) {
  Deno.test(`httpRoutes() says not_found and where WebSockets are, ${path}`, async () => {
    const { status, text } = await ask(path);
    assert.equal(status, 404);
    const { code, message } = JSON.parse(text).error;
    assert.equal(code, "not_found");
    assert.match(message, /WebSockets are served at "\/\?topic=NAME"$/);
  });
}
