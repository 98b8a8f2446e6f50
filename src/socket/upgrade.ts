import { type SinkOptions, WebSocketSink } from "./web_socket_sink.ts";

/**
 * A connection opens within milliseconds or never, in ms. When the client has gone before the answer
 * was written, Deno 2.9 fires no event at all, and the socket would count for ever.
 */
const OPEN_MS = 5_000;

/** What an upgrade needs to know. */
export interface UpgradeOptions extends SinkOptions {
  /** Subprotocol to name in the answer. */
  readonly subprotocol: string | undefined;
  /** Pings go out and must be answered within so long; 0 sends none. In seconds. */
  readonly pingTimeoutSeconds: number;
}

/** An accepted connection: the sink, and the response that must be returned for it. */
export interface Upgraded {
  readonly response: Response;
  readonly sink: WebSocketSink;
}

/**
 * Accepts a WebSocket. Everything about the request must have been read and decided before.
 *
 * From here until the response is returned nothing may throw or wait: Deno would close the whole
 * listener, and every later connection would fail.
 *
 * @throws {TypeError} when the request is no upgrade; nothing has happened then
 */
export function upgrade(request: Request, options: UpgradeOptions): Upgraded {
  const { socket, response } = Deno.upgradeWebSocket(request, {
    idleTimeout: options.pingTimeoutSeconds,
  });
  const sink = new WebSocketSink(socket, options);
  const opening = setTimeout(() => sink.giveUpOpening(), OPEN_MS);
  void sink.opened.then(() => clearTimeout(opening));
  // Set here because Deno splits the offer on ", " only, and wscat joins it with a bare comma.
  if (options.subprotocol !== undefined) {
    response.headers.set("sec-websocket-protocol", options.subprotocol);
  }
  return { response, sink };
}
