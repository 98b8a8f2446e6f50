import { ProxyError } from "../core/proxy_error.ts";
import { quoted } from "../core/quoted.ts";

/** What of a request decides whether it opens a WebSocket; taken before anything can close it. */
export interface HandshakeRequest {
  /** Request method, in capitals. */
  readonly method: string;
  /** Request headers. */
  readonly headers: Headers;
}

/**
 * Checks that a request opens a WebSocket (RFC 6455 section 4.2.1). Names in `Upgrade` and
 * `Connection` are compared without case and may stand in a list (RFC 9110 sections 7.6.1 and 7.8).
 *
 * Origin, subprotocols, credentials and the path are checked elsewhere.
 *
 * @throws {ProxyError} `method_not_allowed`; `upgrade_required`, whose answer needs the header
 * `Sec-WebSocket-Version: 13`; `bad_request` for a wrong key
 */
export function checkHandshake({ method, headers }: HandshakeRequest): void {
  if (method !== "GET") {
    throw new ProxyError(
      "method_not_allowed",
      `Cannot open a WebSocket: the method is ${quoted(method)}, wanted "GET"`,
    );
  }
  for (const [name, wanted] of [["Upgrade", "websocket"], ["Connection", "upgrade"]]) {
    if (!hasToken(headers.get(name), wanted)) {
      throw upgradeRequired(name, headers.get(name), wanted);
    }
  }
  const version = headers.get("Sec-WebSocket-Version");
  if (version !== "13") throw upgradeRequired("Sec-WebSocket-Version", version, "13");
  const key = headers.get("Sec-WebSocket-Key");
  if (key === null || !/^[A-Za-z0-9+/]{22}==$/.test(key)) {
    throw new ProxyError(
      "bad_request",
      `Cannot open a WebSocket: the header Sec-WebSocket-Key is ${shown(key)}, ` +
        "wanted 16 bytes in base64",
    );
  }
}

function hasToken(header: string | null, token: string): boolean {
  return (header ?? "").split(",").some((each) => each.trim().toLowerCase() === token);
}

function upgradeRequired(name: string, value: string | null, wanted: string): ProxyError {
  return new ProxyError(
    "upgrade_required",
    `Cannot open a WebSocket: the header ${name} is ${shown(value)}, wanted "${wanted}"`,
  );
}

function shown(value: string | null): string {
  return value === null ? "missing" : quoted(value);
}
