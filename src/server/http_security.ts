import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { secureHeaders } from "hono/secure-headers";
import { checkHost } from "../auth/host.ts";
import { checkOrigin } from "../auth/origin.ts";
import { ProxyError } from "../core/proxy_error.ts";

/** Whose pages may ask. */
export interface PageRules {
  /** The setting `origin`. */
  readonly origins: readonly string[];
  /** The address the server listens on. */
  readonly host: string;
}

/** Methods that change nothing: a page's origin does not matter to them, only who reads the answer. */
const SAFE = ["GET", "HEAD", "OPTIONS"];

/** Seconds for which a browser remembers what it was allowed. */
const PREFLIGHT_SECONDS = 600;

/**
 * What every answer says to browsers: no guessing of types, no frames, no referrer, and of our own
 * pages only scripts, styles and connections of our own.
 *
 * There is no `Strict-Transport-Security`: it binds a whole host name, which is whose it is to say
 * that ends TLS.
 */
export function pageHeaders(): MiddlewareHandler {
  return secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'", "data:"],
      connectSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
    strictTransportSecurity: false,
    xFrameOptions: "DENY",
    referrerPolicy: "no-referrer",
  });
}

/**
 * Lets pages of allowed origins read answers (CORS), and refuses requests of others that change
 * something.
 *
 * The origins are those that may open WebSockets. Credentials come in headers only, never in cookies,
 * so that a page has none but its own.
 */
export function pageOrigins(rules: () => PageRules): MiddlewareHandler {
  const shared = cors({
    origin: (origin) => origin,
    allowMethods: ["GET", "HEAD", "POST", "DELETE"],
    allowHeaders: ["authorization", "content-type"],
    exposeHeaders: ["retry-after", "www-authenticate"],
    maxAge: PREFLIGHT_SECONDS,
  });
  return async (context, next) => {
    const origin = context.req.header("origin");
    if (origin === undefined) return await next();
    const { origins, host: listenHost } = rules();
    const host = context.req.header("host") ?? null;
    try {
      checkOrigin({ origin, host, allowed: origins });
      checkHost({ origin, host, listenHost, allowed: origins });
    } catch (error) {
      if (!(error instanceof ProxyError) || !SAFE.includes(context.req.method)) throw error;
      return await next();
    }
    return await shared(context, next);
  };
}
