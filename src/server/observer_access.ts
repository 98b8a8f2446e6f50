import type { Authenticator } from "../auth/authenticate.ts";
import { isLoopback } from "../auth/host.ts";
import { checkOrigin } from "../auth/origin.ts";
import { EVERYBODY } from "../auth/new_principal.ts";
import type { Operation, Principal } from "../core/principal.ts";
import { ProxyError } from "../core/proxy_error.ts";

/** A reverse proxy's mark: the client is elsewhere, however near the connection comes from. */
const FORWARDED = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/** Whoever asks from this machine itself, without a page or a reverse proxy in between. */
const LOCAL: Principal = { name: "loopback", may: () => true };

/** Everybody else, on a server without credentials: may read, but not look at the others. */
const STRANGER: Principal = {
  name: EVERYBODY.name,
  may: (operation, name) =>
    operation !== "observe" && operation !== "admin" && EVERYBODY.may(operation, name),
};

/** What decides who may look at the server. */
export interface CallerAccess {
  readonly authenticator: Authenticator;
  /** The setting `origins`. */
  readonly origins: readonly string[];
}

/** Who asks, and whether from this machine. */
export interface Caller {
  readonly principal: Principal;
  readonly isLocal: boolean;
}

/**
 * Who asks to look at the server or to steer it: loopback addresses may, and principals with the
 * right. On a server without credentials nobody else may, though everybody may read.
 *
 * @throws {ProxyError} `unauthorized`, `forbidden`, `origin_refused`
 */
export async function observer(
  request: Request,
  remoteAddress: string,
  operation: Operation,
  access: CallerAccess,
): Promise<Principal> {
  if (isLocalRequest(request, remoteAddress)) {
    checkPage(request, []);
    return LOCAL;
  }
  const { principal } = await caller(request, remoteAddress, access);
  if (principal.may(operation)) return principal;
  throw new ProxyError(
    "forbidden",
    principal === STRANGER
      ? "Only loopback addresses may ask this of a server without credentials"
      : `"${principal.name}" has not the right "${operation}"`,
  );
}

/**
 * Who sends a request, by its credentials.
 *
 * @throws {ProxyError} `unauthorized`, `origin_refused`
 */
export async function caller(
  request: Request,
  remoteAddress: string,
  { authenticator, origins }: CallerAccess,
): Promise<Caller> {
  checkPage(request, origins);
  const isLocal = isLocalRequest(request, remoteAddress);
  const principal = await authenticator.authenticate({
    headers: request.headers,
    url: new URL(request.url),
    address: remoteAddress,
  });
  return { principal: principal === EVERYBODY ? STRANGER : principal, isLocal };
}

/**
 * Loopback counts only under a name of loopback: a page in a browser of this machine reaches it too,
 * and may do so under a name of its own (DNS rebinding).
 */
function isLocalRequest({ headers }: Request, remoteAddress: string): boolean {
  const name = (headers.get("host") ?? "").replace(/:\d+$/, "");
  return isLoopback(remoteAddress.replace(/^::ffff:/, "")) && isLoopback(name) &&
    !FORWARDED.some((header) => headers.has(header));
}

function checkPage({ headers }: Request, allowed: readonly string[]): void {
  checkOrigin({ origin: headers.get("origin"), host: headers.get("host"), allowed });
}
