import type { V2Response } from "../protocol/v2_responses.ts";
import { base64url } from "./base64.ts";
import { ClientError } from "./client_error.ts";
import { type Comeback, comebackAfter, type ComebackPauses, pauseMs } from "./comeback.ts";
import { Connection } from "./connection.ts";
import type { SocketConstructor } from "./socket_like.ts";
import type { TokenSource } from "./token_source.ts";

/** The one subprotocol the client speaks: control frames are text, records are bytes. */
const SUBPROTOCOL = "kafka-proxy.v2.binary";

/** A connection that lived for so long was a good one: pauses start again from the first. */
const GOOD_MS = 5_000;

/** How long the question why a handshake was refused may take. */
const WHY_MS = 5_000;

/** What a link needs. */
export interface LinkOptions {
  readonly url: string;
  readonly token: TokenSource | undefined;
  readonly pauses: ComebackPauses | undefined;
  readonly Socket: SocketConstructor;
}

/** What those who use the connection hear. */
export interface LinkEvents {
  connecting(): void;
  /** Connected, again or for the first time. */
  opened(connection: Connection): void;
  /** Not connected any more. */
  lost(): void;
  /** The next try follows after a pause. */
  waiting(why: string): void;
  /** Over for good, asked or not. The last call. */
  ended(error: ClientError): void;
}

/**
 * Keeps one connection to the server: opens it, opens it again as the close codes say, and gives up
 * when they say so.
 *
 * The token is asked for at each try, so that a callback which renews what has expired is enough.
 * Browsers do not tell why a handshake was refused; the link asks `/api/me` with the same token, so
 * that wrong credentials end in one renewal and not in trying for ever.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #events: LinkEvents;
  readonly #onOnline = () => this.#retryNow?.();
  #connection: Connection | undefined;
  #failures = 0;
  #hasRenewed = false;
  #readyMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #retryNow: (() => void) | undefined;
  readonly #ending = new AbortController();

  constructor(options: LinkOptions, events: LinkEvents) {
    this.#options = options;
    this.#events = events;
    // Browsers say when the network is there again.
    globalThis.addEventListener?.("online", this.#onOnline);
    queueMicrotask(() => void this.#connect());
  }

  get #isEnded(): boolean {
    return this.#ending.signal.aborted;
  }

  /** Something useful came over the connection: it was a good one. */
  prove(): void {
    this.#failures = 0;
  }

  /** Ends it; resolves when the runtime has let go of the socket, or after a second. */
  async close(): Promise<void> {
    const gone = this.#connection?.gone;
    this.#end(new ClientError("closed", "The client was closed"));
    if (gone === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([gone, new Promise<void>((resolve) => timer = setTimeout(resolve, 1_000))]);
    clearTimeout(timer);
  }

  async #connect(): Promise<void> {
    if (this.#isEnded) return;
    this.#events.connecting();
    if (this.#isEnded) return;
    const { url, token: source, Socket } = this.#options;
    let token: string | undefined;
    try {
      token = await source?.({ signal: this.#ending.signal });
    } catch (error) {
      if (this.#isEnded) return;
      this.#comeBack("back_off", 0, `There is no token: ${error}`);
      return;
    }
    if (this.#isEnded) return;
    const protocols = [SUBPROTOCOL];
    if (token !== undefined) protocols.push(`bearer.${base64url(token)}`);
    const current: Connection = this.#connection = new Connection(Socket, url, protocols, {
      ready: (connection) => {
        this.#readyMs = performance.now();
        this.#hasRenewed = false; // these credentials were good
        this.#events.opened(connection);
      },
      frame: (frame) => this.#frame(frame, current),
      closed: (code, reason, wasOpen) => void this.#closed(code, reason, wasOpen, token),
    });
  }

  #frame(frame: V2Response, connection: Connection): void {
    if (frame.type === "expiring") void this.#renew(connection);
  }

  /** A fresh token in time keeps the socket; a failure here is followed by 4401, which is handled. */
  async #renew(connection: Connection): Promise<void> {
    try {
      const token = await this.#options.token?.({ signal: this.#ending.signal });
      if (token !== undefined) connection.request({ type: "auth", token }, () => {});
    } catch {
      // The callback has no fresh token now; at the next connection it is asked again.
    }
  }

  async #closed(
    code: number,
    reason: string,
    wasOpen: boolean,
    token: string | undefined,
  ): Promise<void> {
    if (this.#isEnded) return;
    this.#connection = undefined;
    const livedMs = this.#readyMs === 0 ? 0 : performance.now() - this.#readyMs;
    this.#readyMs = 0;
    if (livedMs > GOOD_MS) this.prove();
    const said = reason === "" ? "" : `: ${reason}`;
    const why = wasOpen ? `Closed with ${code}${said}` : `Cannot connect (${code}${said})`;
    this.#events.lost();
    const isRefused = !wasOpen && await this.#isUnauthorized(token);
    if (this.#isEnded) return;
    const seen = isRefused ? 4401 : code;
    this.#comeBack(comebackAfter(seen), seen, isRefused ? "The credentials are refused" : why);
  }

  #comeBack(comeback: Comeback, code: number, why: string): void {
    const isRenewal = comeback === "renew";
    if (
      comeback === "stop" ||
      (isRenewal && (this.#hasRenewed || this.#options.token === undefined))
    ) {
      this.#end(new ClientError("closed", why, { closeCode: code }));
      return;
    }
    if (isRenewal) this.#hasRenewed = true;
    const pause = pauseMs(comeback, this.#failures, this.#options.pauses);
    this.#failures++;
    this.#events.waiting(why);
    this.#retryNow = () => {
      clearTimeout(this.#timer);
      this.#retryNow = undefined;
      void this.#connect();
    };
    this.#timer = setTimeout(this.#retryNow, pause);
  }

  async #isUnauthorized(token: string | undefined): Promise<boolean> {
    const url = new URL("/api/me", this.#options.url);
    url.protocol = url.protocol.replace("ws", "http");
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), WHY_MS);
    try {
      const headers = token === undefined ? undefined : { authorization: `Bearer ${token}` };
      const answer = await fetch(url, {
        headers,
        // A browser would answer a challenge with a window of its own.
        credentials: "omit",
        signal: late.signal,
      });
      await answer.body?.cancel();
      return answer.status === 401;
    } catch {
      return false; // there is nobody, or a page of another origin may not know
    } finally {
      clearTimeout(timer);
    }
  }

  #end(error: ClientError): void {
    if (this.#isEnded) return;
    this.#ending.abort();
    clearTimeout(this.#timer);
    this.#retryNow = undefined;
    globalThis.removeEventListener?.("online", this.#onOnline);
    this.#events.ended(error);
    this.#connection?.close();
  }
}
