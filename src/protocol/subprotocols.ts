import { ProxyError } from "../core/proxy_error.ts";
import { quoted } from "../core/quoted.ts";

/** What a socket can speak, by the name a client offers; offering nothing means v1. */
const SUBPROTOCOLS = {
  "kafka-proxy.v1": "v1",
  "kafka-proxy.v2": "v2",
  "kafka-proxy.v2.binary": "v2.binary",
} as const;

/** The protocol of a socket's frames. */
export type Protocol = (typeof SUBPROTOCOLS)[keyof typeof SUBPROTOCOLS];

/** What a socket will speak, and what the 101 answer says about it. */
export interface SubprotocolChoice {
  /** The protocol of the frames. */
  readonly protocol: Protocol;
  /** Value of `Sec-WebSocket-Protocol` in the answer; `undefined` for no such header. */
  readonly echo: string | undefined;
}

/**
 * Splits the value of `Sec-WebSocket-Protocol` on commas, with blanks or without (wscat sends none),
 * and drops what is empty or there twice. `null` is no header and no protocols.
 */
export function parseSubprotocols(header: string | null): readonly string[] {
  const names = (header ?? "").split(",").map((name) => name.trim());
  return [...new Set(names.filter((name) => name !== ""))];
}

/**
 * Chooses what to speak (RFC 6455 section 4.2.2, item 5).
 *
 * Nothing offered is v1 without an echo; otherwise it is the first offer that is known, since a client
 * names what it prefers first. Offers of which none is known are refused: RFC 6455 lets a server accept
 * without naming one, but browsers and the `ws` package then end the connection themselves, and nobody
 * sees why. Names are case-sensitive.
 *
 * A name that begins with `bearer.` carries credentials beside the protocols: it is never chosen and
 * never shown.
 *
 * @throws {ProxyError} `unsupported` when another `kafka-proxy.` protocol is all that was offered,
 * `bad_request` when none was
 */
export function chooseSubprotocol(offered: readonly string[]): SubprotocolChoice {
  if (offered.length === 0) return { protocol: "v1", echo: undefined };
  const echo = offered.find(isKnown);
  if (echo !== undefined) return { protocol: SUBPROTOCOLS[echo], echo };
  const ours = offered.some((name) => name.startsWith("kafka-proxy."));
  const shown = offered.slice(0, 4).map((name) => /^bearer\./i.test(name) ? "bearer" : name);
  throw new ProxyError(
    ours ? "unsupported" : "bad_request",
    `Cannot choose a subprotocol: offered ${shown.map(quoted).join(", ")}, ` +
      `wanted ${Object.keys(SUBPROTOCOLS).map(quoted).join(" or ")} among them, or none at all`,
  );
}

function isKnown(name: string): name is keyof typeof SUBPROTOCOLS {
  return Object.hasOwn(SUBPROTOCOLS, name);
}
