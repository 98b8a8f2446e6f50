import type { ApiMe } from "../core/api.ts";
import type { Operation, Principal } from "../core/principal.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { VERSION } from "../core/version.ts";
import type { Log } from "../observe/events.ts";
import { type Metrics, METRICS_TYPE } from "../observe/metrics.ts";
import { type ApiSources, figuresView, groupsView, sessionsView } from "./api_views.ts";
import type { HttpRoutes } from "./http_routes.ts";
import { caller, type CallerAccess, observer } from "./observer_access.ts";
import { type TopicSources, topicsView } from "./topics_view.ts";

/** What looks at the server and steers it. */
export interface AdminState {
  readonly access: () => CallerAccess;
  readonly metrics: Metrics;
  readonly api: ApiSources;
  readonly topics: TopicSources;
  readonly events: Log;
  /** Starts to drain; answers within how many milliseconds all sockets will be closed. */
  readonly drain: (by: string) => number;
}

/** Code of a socket that somebody with the right to do so has closed: do not come back. */
const DISCONNECTED = 1008;

const OPERATIONS: readonly Operation[] = ["consume", "produce", "group", "observe", "admin"];

/** Adds `/metrics` and `/api`; the shapes are those of `src/core/api.ts`. */
export function adminRoutes(routes: HttpRoutes, state: AdminState): void {
  const { access, metrics, api, topics, drain } = state;
  routes.get("/metrics", async ({ req, env, body }) => {
    await observer(req.raw, env.remoteAddress, "observe", access());
    return body(await metrics.text(), 200, { "content-type": METRICS_TYPE });
  });
  routes.get("/api/me", async ({ req, env, json }) => {
    return json(meView(await caller(req.raw, env.remoteAddress, access())), 200, FRESH);
  });
  routes.get("/api/topics", async ({ req, env, json }) => {
    const { principal } = await caller(req.raw, env.remoteAddress, access());
    return json(await topicsView(topics, principal, req.query("topic")), 200, FRESH);
  });
  routes.get("/api/groups", async ({ req, env, json }) => {
    await observer(req.raw, env.remoteAddress, "observe", access());
    return json(await groupsView(api), 200, FRESH);
  });
  routes.get("/api/sessions", async ({ req, env, json }) => {
    await observer(req.raw, env.remoteAddress, "observe", access());
    return json(await sessionsView(api), 200, FRESH);
  });
  routes.get("/api/figures", async ({ req, env, json }) => {
    await observer(req.raw, env.remoteAddress, "observe", access());
    return json(await figuresView(api), 200, FRESH);
  });
  routes.delete("/api/sessions/:id", async ({ req, env, body }) => {
    const { name } = await observer(req.raw, env.remoteAddress, "admin", access());
    const id = req.param("id");
    const open = [...api.sessions].find(({ session }) => session.id === id);
    if (open === undefined) throw new ProxyError("not_found", `There is no session ${id}`);
    // Not waited for: a client that takes nothing would hold the answer up.
    state.events.emit("admin_action", {
      principal: name,
      action: "disconnect",
      address: env.remoteAddress,
      target: id,
    });
    void open.session.stop(DISCONNECTED, `disconnected by ${name}`, 0);
    return body(null, 204);
  });
  routes.post("/api/drain", async ({ req, env, json }) => {
    const { name } = await observer(req.raw, env.remoteAddress, "admin", access());
    state.events.emit("admin_action", {
      principal: name,
      action: "drain",
      address: env.remoteAddress,
    });
    return json({ inMs: drain(`asked by ${name}`) }, 202, FRESH);
  });
}

/** Nobody may keep an answer: it is about now, and not for everybody. */
const FRESH = { "cache-control": "no-store" };

function meView(
  { principal, isLocal }: { principal: Principal; isLocal: boolean },
): ApiMe {
  const { name, expiresMs } = principal;
  return {
    server: `kafka-proxy/${VERSION}`,
    principal: { name, ...(expiresMs === undefined ? {} : { expiresMs }) },
    operations: OPERATIONS.filter((operation) =>
      isSteering(operation) && isLocal || principal.may(operation)
    ),
  };
}

function isSteering(operation: Operation): boolean {
  return operation === "observe" || operation === "admin";
}
