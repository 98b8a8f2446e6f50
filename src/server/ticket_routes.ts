import type { Access } from "../auth/access.ts";
import type { KnownPrincipal } from "../auth/new_principal.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { type Rights, RIGHTS_SCHEMA } from "../core/rights.ts";
import type { Log } from "../observe/events.ts";
import type { HttpRoutes } from "./http_routes.ts";

/** Largest body of a request for a ticket, in bytes. */
const MAX_BODY = 65_536;

/**
 * `POST /tickets`: a ticket with the rights of whoever asks, narrowed to those in the body, if there
 * is one. `DELETE /tickets/ID`: ends one and what it let in.
 */
export function addTicketRoutes(
  routes: HttpRoutes,
  { access, events }: { access: Access; events: Log },
): void {
  const { tickets } = access;
  routes.post("/tickets", async (context) => {
    if (!access.authenticator.isRequired) throw nobodyAsks();
    const principal = await principalOf(context.req.raw, context.env.remoteAddress, access);
    if (principal.byTicket) {
      throw new ProxyError("forbidden", "Cannot give a ticket for a ticket");
    }
    const { ticket, id, presentMs } = tickets.issue(
      principal,
      await narrowedRights(context.req.raw),
    );
    events.emit("ticket_issued", { principal: principal.name, ticketId: id });
    context.header("cache-control", "no-store");
    return context.json({ ticket, id, expires: presentMs }, 201);
  });
  routes.delete("/tickets/:id", async (context) => {
    if (!access.authenticator.isRequired) throw nobodyAsks();
    const principal = await principalOf(context.req.raw, context.env.remoteAddress, access);
    const { name, credential } = principal;
    const id = context.req.param("id");
    if (!tickets.revoke(id, { name, credential, mayAll: principal.may("admin") })) {
      throw new ProxyError("not_found", "There is no such ticket in this process");
    }
    events.emit("ticket_revoked", { principal: name, ticketId: id });
    return context.body(null, 204);
  });
}

function nobodyAsks(): ProxyError {
  return new ProxyError("not_found", "This server asks for no credentials, so it gives no tickets");
}

/** Rights in the body; `undefined` without one. */
async function narrowedRights(request: Request): Promise<Rights | undefined> {
  let text = "";
  let bytes = 0;
  const decoder = new TextDecoder();
  for await (const chunk of request.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_BODY) {
      throw new ProxyError("message_too_large", `The body is larger than ${MAX_BODY} bytes`);
    }
    text += decoder.decode(chunk, { stream: true });
  }
  if (text.trim() === "") return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new ProxyError("bad_request", "Cannot read the body: it is no JSON");
  }
  const parsed = RIGHTS_SCHEMA.safeParse(json);
  if (parsed.success) return parsed.data;
  const [{ path, message }] = parsed.error.issues;
  throw new ProxyError(
    "bad_request",
    `Cannot read the body: it must be rights, such as {"consume":["orders*"]}; at ${
      JSON.stringify(path.map(String).join(".").slice(0, 60))
    }: ${message.slice(0, 200)}`,
  );
}

function principalOf(
  { headers, url }: Request,
  address: string,
  { authenticator }: Access,
): Promise<KnownPrincipal> {
  return authenticator.authenticate({ headers, url: new URL(url), address });
}
