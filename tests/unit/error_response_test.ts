import assert from "node:assert/strict";
import { ERROR_TABLE, type ErrorCode } from "../../src/core/error_table.ts";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { errorResponse } from "../../src/server/error_response.ts";

/** The headers a status calls for; every other answer has none of them. */
const HEADERS: Partial<Record<ErrorCode, Record<string, string>>> = {
  unauthorized: { "www-authenticate": 'Basic realm="x"' },
  expired: { "www-authenticate": 'Basic realm="x"' },
  method_not_allowed: { allow: "GET" },
  upgrade_required: { upgrade: "websocket", "sec-websocket-version": "13" },
  too_many_requests: { "retry-after": "1" },
  overdrawn: { "retry-after": "1" },
  too_many_subscriptions: { "retry-after": "1" },
  overloaded: { "retry-after": "1" },
  credentials_unavailable: { "retry-after": "1" },
  kafka_unavailable: { "retry-after": "1" },
  kafka_auth_failed: { "retry-after": "1" },
  leaving: { "retry-after": "1" },
};

for (const code of Object.keys(ERROR_TABLE) as ErrorCode[]) {
  Deno.test(`errorResponse() has the status, body and headers of ${code}`, async () => {
    const response = errorResponse(new ProxyError(code, "what was wrong"), 'Basic realm="x"');
    assert.equal(response.status, ERROR_TABLE[code].status);
    assert.deepEqual(Object.fromEntries(response.headers), {
      "cache-control": "no-store",
      "content-type": "application/json; charset=utf-8",
      ...HEADERS[code],
    });
    assert.equal(
      await response.text(),
      `{"error":{"code":"${code}","message":"what was wrong"}}\n`,
    );
  });
}

Deno.test("errorResponse() has the details beside the message", async () => {
  const details = { partition: 0, earliest: "5", end: "30" };
  const response = errorResponse(new ProxyError("out_of_range", "no", { details }));
  assert.deepEqual(await response.json(), {
    error: { code: "out_of_range", message: "no", ...details },
  });
});

Deno.test("errorResponse() names no challenge, a server without credentials", async () => {
  const response = errorResponse(new ProxyError("unauthorized", "no"));
  assert.equal(response.headers.has("www-authenticate"), false);
  await response.body?.cancel();
});

Deno.test("errorResponse() shows no cause, which is for the log", async () => {
  const error = ProxyError.from(new TypeError("a secret of the server"));
  const text = await errorResponse(error).text();
  assert.equal(
    text,
    '{"error":{"code":"internal","message":"The server failed; its log says why"}}\n',
  );
});
