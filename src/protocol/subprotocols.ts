import { ProxyError } from "../core/proxy_error.ts";
import { quoted } from "../core/quoted.ts";

/** The name a client offers for v1; offering nothing means the same. */
export const V1_SUBPROTOCOL = "kafka-proxy.v1";

/** What a socket will speak, and what the 101 answer says about it. */
export interface SubprotocolChoice {
  /** The protocol of the frames. */
  readonly protocol: "v1";
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
 * Nothing offered is v1 without an echo; v1 among the offers is v1. Offers of which none is known are
 * refused: RFC 6455 lets a server accept without naming one, but browsers and the `ws` package then
 * end the connection themselves, and nobody sees why. Names are case-sensitive.
 *
 * A name that begins with `bearer.` carries credentials beside the protocols: it is never chosen and
 * never shown.
 *
 * @throws {ProxyError} `unsupported` when another `kafka-proxy.` protocol is all that was offered,
 * `bad_request` when none was
 */
export function chooseSubprotocol(offered: readonly string[]): SubprotocolChoice {
  if (offered.length === 0) return { protocol: "v1", echo: undefined };
  if (offered.includes(V1_SUBPROTOCOL)) return { protocol: "v1", echo: V1_SUBPROTOCOL };
  const ours = offered.some((name) => name.startsWith("kafka-proxy."));
  const shown = offered.slice(0, 4).map((name) => /^bearer\./i.test(name) ? "bearer" : name);
  throw new ProxyError(
    ours ? "unsupported" : "bad_request",
    `Cannot choose a subprotocol: offered ${shown.map(quoted).join(", ")}, ` +
      `wanted "${V1_SUBPROTOCOL}" among them, or none at all`,
  );
}
