import assert from "node:assert/strict";
import type { LibraryOptions } from "../../src/config/library_options.ts";
import { httpRoutes } from "../../src/server/http_routes.ts";
import { httpState } from "../support/http_state.ts";

/** How routes are asked. */
interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** Reasons not to be ready. */
  readonly reasons?: readonly string[];
  readonly options?: Partial<LibraryOptions>;
}

async function ask(
  path: string,
  { method = "GET", headers = {}, body, reasons = [], options = {} }: Asked = {},
) {
  const routes = httpRoutes(httpState(options, { reasons: () => reasons }));
  const request = new Request(`http://localhost:9999${path}`, {
    method,
    headers: { host: "localhost:9999", ...headers },
    body,
  });
  const response = await routes.fetch(request, { remoteAddress: "192.0.2.1" });
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

const SECRET = { auth: "thisisapassword" };
const KNOWN = { authorization: "basic thisisapassword" };

Deno.test("httpRoutes() gives tickets to those it knows, not to be stored", async () => {
  const options = SECRET;
  const asked = { method: "POST", headers: KNOWN, options, body: '{"consume":["orders"]}' };
  const { status, headers, text } = await ask("/tickets", asked);
  assert.equal(status, 201);
  assert.equal(headers.get("cache-control"), "no-store");
  const { ticket, id, expires } = JSON.parse(text);
  assert.match(ticket, /^kpt1\./);
  assert.match(id, /^[\w-]{16}$/);
  assert.ok(expires > Date.now() && expires <= Date.now() + 30_000);
});

for (
  const [what, body, status, code] of [
    ["no JSON", "{", 400, "bad_request"],
    ["rights that are none", '{"topics":["orders"]}', 400, "bad_request"],
    ["a list", "[]", 400, "bad_request"],
    ["too much", " ".repeat(70_000), 413, "message_too_large"],
  ] as const
) {
  Deno.test(`httpRoutes() says ${code}, POST /tickets with ${what}`, async () => {
    const asked = { method: "POST", headers: KNOWN, options: SECRET, body };
    const answer = await ask("/tickets", asked);
    assert.deepEqual([answer.status, JSON.parse(answer.text).error.code], [status, code]);
  });
}

Deno.test("httpRoutes() gives no tickets, nobody asked for credentials", async () => {
  const { status, text } = await ask("/tickets", { method: "POST" });
  assert.deepEqual([status, JSON.parse(text).error.code], [404, "not_found"]);
});

Deno.test("httpRoutes() revokes no ticket that it does not know", async () => {
  const asked = { method: "DELETE", headers: KNOWN, options: SECRET };
  assert.equal((await ask("/tickets/AAAAAAAAAAAAAAAA", asked)).status, 404);
});

Deno.test("httpRoutes() says which methods there are, GET /tickets", async () => {
  const { status, headers } = await ask("/tickets", { options: SECRET });
  assert.deepEqual([status, headers.get("allow")], [405, "POST"]);
  const { headers: others } = await ask("/tickets/x", { options: SECRET });
  assert.equal(others.get("allow"), "DELETE");
});

for (
  const [path, asked] of [["/healthz", {}], ["/nothing", {}], ["/tickets", {
    options: SECRET,
  }]] as const
) {
  Deno.test(`httpRoutes() tells browsers to be careful, ${path}`, async () => {
    const { headers } = await ask(path, asked);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("x-frame-options"), "DENY");
    assert.equal(headers.get("referrer-policy"), "no-referrer");
    assert.match(
      `${headers.get("content-security-policy")}`,
      /^default-src 'none'; script-src 'self'; .*connect-src 'self'; .*frame-ancestors 'none'$/,
    );
    assert.equal(headers.get("strict-transport-security"), null);
    assert.equal(headers.get("access-control-allow-origin"), null);
  });
}

const APP = "https://app.example";
const ALLOWED = { ...SECRET, origin: APP };

Deno.test("httpRoutes() lets pages of allowed origins read, answers and errors", async () => {
  for (const [path, status] of [["/healthz", 200], ["/nothing", 404]] as const) {
    const { headers, ...answer } = await ask(path, { headers: { origin: APP }, options: ALLOWED });
    assert.equal(answer.status, status);
    assert.equal(headers.get("access-control-allow-origin"), APP);
    assert.equal(headers.get("access-control-allow-credentials"), null);
    assert.match(`${headers.get("vary")}`, /Origin/i);
  }
  const refused = await ask("/tickets", {
    method: "POST",
    headers: { origin: APP },
    options: ALLOWED,
  });
  assert.equal(refused.status, 401);
  assert.equal(refused.headers.get("access-control-allow-origin"), APP);
});

Deno.test("httpRoutes() answers the preflight of an allowed origin, and of no other", async () => {
  const preflight = (origin: string) =>
    ask("/tickets", {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization",
      },
      options: ALLOWED,
    });
  const { status, headers } = await preflight(APP);
  assert.equal(status, 204);
  assert.equal(headers.get("access-control-allow-origin"), APP);
  assert.match(`${headers.get("access-control-allow-headers")}`, /authorization/);
  const other = await preflight("https://evil.example");
  assert.equal(other.status, 405);
  assert.equal(other.headers.get("access-control-allow-origin"), null);
});

Deno.test("httpRoutes() refuses changes by pages of other origins, and hides answers from them", async () => {
  const headers = { ...KNOWN, origin: "https://evil.example" };
  const changed = await ask("/tickets", { method: "POST", headers, options: ALLOWED });
  assert.deepEqual([changed.status, JSON.parse(changed.text).error.code], [403, "origin_refused"]);
  const read = await ask("/healthz", { headers, options: ALLOWED });
  assert.equal(read.status, 200);
  assert.equal(read.headers.get("access-control-allow-origin"), null);
});

Deno.test("httpRoutes() refuses changes by pages that call it by another name, on loopback", async () => {
  const headers = { ...KNOWN, origin: "http://evil.example", host: "evil.example" };
  const { status } = await ask("/tickets", { method: "POST", headers, options: ALLOWED });
  assert.equal(status, 403);
});
