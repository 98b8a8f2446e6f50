import type { ProxyError } from "../core/proxy_error.ts";

/** Seconds a client is asked to wait before it tries again. */
const RETRY_AFTER_SECONDS = "1";

/**
 * An error as HTTP: `{"error":{"code":"unknown_topic","message":"..."}}` and the headers its status
 * calls for (RFC 9110, RFC 6455 section 4.4).
 */
export function errorResponse(error: ProxyError, challenge?: string): Response {
  const { code, message, details, row: { status, retriable } } = error;
  const headers = new Headers({
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
  });
  if (status === 401 && challenge !== undefined) headers.set("www-authenticate", challenge);
  if (status === 405) headers.set("allow", "GET");
  if (status === 426) {
    headers.set("upgrade", "websocket");
    headers.set("sec-websocket-version", "13");
  }
  if ((status === 503 || status === 429) && retriable) {
    headers.set("retry-after", RETRY_AFTER_SECONDS);
  }
  const body = JSON.stringify({ error: { code, message, ...details } });
  return new Response(`${body}\n`, { status, headers });
}
