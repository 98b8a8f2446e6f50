import { Hono } from "hono";
import { ProxyError } from "../core/proxy_error.ts";
import { errorResponse } from "./error_response.ts";

/** What the routes report on. */
export interface HttpState {
  /** Reasons not to send clients here; empty when ready. */
  readonly reasons: () => readonly string[];
}

/**
 * The plain HTTP side: health for whoever watches the server, and a clear error for everything else.
 *
 * `/healthz` says that the process serves; it does not depend on Kafka. `/readyz` does.
 */
export function httpRoutes({ reasons }: HttpState): Hono {
  const routes = new Hono();
  routes.get("/healthz", (context) => context.json({ status: "ok" }));
  routes.get("/readyz", (context) => {
    const found = reasons();
    const status = found.length === 0 ? "ready" : "not ready";
    return context.json({ status, reasons: found }, found.length === 0 ? 200 : 503);
  });
  routes.notFound(({ req }) => {
    const { method, path } = req;
    const known = routes.routes.some((route) => route.path === path);
    return errorResponse(
      known
        ? new ProxyError("method_not_allowed", `Cannot ${method} ${path}: wanted GET`)
        : new ProxyError(
          "not_found",
          `There is nothing at ${path}; WebSockets are served at "/?topic=NAME"`,
        ),
    );
  });
  return routes;
}
