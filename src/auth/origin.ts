import { ProxyError } from "../core/proxy_error.ts";

/** What decides whether a page may open a WebSocket here. */
export interface OriginCheck {
  /** The `Origin` header; `null` when there is none, as with every client that is no browser. */
  readonly origin: string | null;
  /** The `Host` header. */
  readonly host: string | null;
  /** The setting `--origin`: origins such as `https://app.example`, `null`, or `*` for all but `null`. */
  readonly allowed: readonly string[];
}

/**
 * Lets in requests without an Origin, those of pages from our own host, and those of the listed
 * origins. Browsers send WebSocket handshakes across origins with the user's credentials and without
 * asking, so that the server must look (RFC 6455 section 10.2, RFC 6454).
 *
 * Hosts are compared with their ports, without case, and with the default port of the Origin's scheme
 * filled in. The scheme itself is not compared: TLS may end before the proxy. Only `http` and `https`
 * pages can be our own.
 *
 * @throws {ProxyError} `origin_refused`, naming the Origin and the setting
 */
export function checkOrigin({ origin, host, allowed }: OriginCheck): void {
  if (origin === null || allowed.includes(origin)) return;
  if (origin !== "null" && allowed.includes("*")) return;
  const page = parseOrigin(origin);
  if (page !== undefined) {
    if (isOwnHost(page, host)) return;
    if (allowed.some((each) => isSameOrigin(page, parseOrigin(each)))) return;
  }
  const shown = origin.length > 100 ? `${origin.slice(0, 100)}…` : origin;
  throw new ProxyError(
    "origin_refused",
    `Cannot accept a page of Origin ${JSON.stringify(shown)}: it is neither this server's host ` +
      "nor allowed by the server's setting --origin",
  );
}

/** Only `scheme://host[:port]`; one `/` at the end is forgiven to those who write settings. */
function parseOrigin(text: string): URL | undefined {
  return /^[a-z][a-z0-9+.-]*:\/\/[^/?#\\@\s]*\/?$/i.test(text)
    ? URL.parse(text) ?? undefined
    : undefined;
}

function isSameOrigin(page: URL, other: URL | undefined): boolean {
  return page.protocol === other?.protocol && page.host.toLowerCase() === other.host.toLowerCase();
}

function isOwnHost(page: URL, host: string | null): boolean {
  if (page.protocol !== "http:" && page.protocol !== "https:") return false;
  return isSameOrigin(page, parseOrigin(`${page.protocol}//${host ?? ""}`));
}
