import { Hono } from "hono";
import type { Access } from "../auth/access.ts";
import { ProxyError } from "../core/proxy_error.ts";
import type { Log } from "../observe/events.ts";
import { errorResponse } from "./error_response.ts";
import { pageHeaders, pageOrigins, type PageRules } from "./http_security.ts";
import { addTicketRoutes } from "./ticket_routes.ts";

/** What the routes report on, and who may ask. */
export interface HttpState {
  /** Reasons not to send clients here; empty when ready. */
  readonly reasons: () => readonly string[];
  readonly access: Access;
  readonly pages: () => PageRules;
  readonly events: Log;
  /** Answers a request that failed, and reports it. */
  readonly refused: (error: unknown, request: Request, address: string) => Response;
}

/** What a request comes with beside itself. */
export interface HttpBindings {
  /** The client's address, without its port. */
  readonly remoteAddress: string;
}

/** Routes that know where a request came from. */
export type HttpRoutes = Hono<{ Bindings: HttpBindings }>;

/**
 * The plain HTTP side: health for whoever watches the server, and a clear error for everything else.
 * `more` adds routes of its own.
 *
 * `/healthz` says that the process serves; it does not depend on Kafka. `/readyz` does.
 */
export function httpRoutes(
  { reasons, access, pages, events, refused }: HttpState,
  more?: (routes: HttpRoutes) => void,
): HttpRoutes {
  const routes: HttpRoutes = new Hono<{ Bindings: HttpBindings }>();
  routes.use(pageHeaders());
  routes.use(pageOrigins(pages));
  routes.get("/healthz", (context) => context.json({ status: "ok" }));
  routes.get("/readyz", (context) => {
    const found = reasons();
    const status = found.length === 0 ? "ready" : "not ready";
    return context.json({ status, reasons: found }, found.length === 0 ? 200 : 503);
  });
  addTicketRoutes(routes, { access, events });
  more?.(routes);
  routes.onError((error, { req, env }) => refused(error, req.raw, env.remoteAddress));
  routes.notFound(({ req: { method, path } }) => {
    const allowed = methodsAt(routes, path);
    if (allowed.length === 0) {
      return errorResponse(
        new ProxyError(
          "not_found",
          `There is nothing at ${path}; WebSockets are served at "/?topic=NAME"`,
        ),
      );
    }
    const wanted = allowed.join(", ");
    const error = new ProxyError(
      "method_not_allowed",
      `Cannot ${method} ${path}: wanted ${wanted}`,
    );
    const response = errorResponse(error);
    response.headers.set("allow", wanted);
    return response;
  });
  return routes;
}

/** Methods that some route answers at a path. */
function methodsAt({ routes }: HttpRoutes, path: string): string[] {
  const parts = path.split("/");
  const fits = (pattern: string) => {
    const wanted = pattern.split("/");
    return wanted.length === parts.length &&
      wanted.every((part, i) => part === parts[i] || (part.startsWith(":") && parts[i] !== ""));
  };
  const methods = routes.filter((route) => route.method !== "ALL" && fits(route.path))
    .map((route) => route.method);
  return [...new Set(methods)];
}
