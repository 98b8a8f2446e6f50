import { ProxyError } from "../core/proxy_error.ts";

/** What decides whether a page names this server by a name of its own. */
export interface HostCheck {
  /** The `Origin` header; `null` when the client is no browser. */
  readonly origin: string | null;
  /** The `Host` header. */
  readonly host: string | null;
  /** The address the server listens on. */
  readonly listenHost: string;
  /** The setting `--origin`. */
  readonly allowed: readonly string[];
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Whether an address is reachable from this machine only. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host.toLowerCase()) || host === "::1";
}

/**
 * Refuses pages that reach a server on loopback by a name that is not loopback's.
 *
 * A page of `evil.example` can have that name resolve to 127.0.0.1 once it is loaded (DNS
 * rebinding); its Origin then equals the Host header, and only the name gives it away.
 *
 * @throws {ProxyError} `origin_refused`
 */
export function checkHost({ origin, host, listenHost, allowed }: HostCheck): void {
  if (origin === null || allowed.includes(origin) || allowed.includes("*")) return;
  if (!isLoopback(listenHost)) return;
  const name = (host ?? "").toLowerCase().replace(/:\d+$/, "");
  if (isLoopback(name)) return;
  throw new ProxyError(
    "origin_refused",
    `Cannot accept a page that calls this server ${JSON.stringify(name.slice(0, 100))}: it ` +
      "listens on loopback, wanted localhost or 127.0.0.1, or the page's Origin in --origin",
  );
}
