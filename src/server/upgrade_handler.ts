import type { Authenticator } from "../auth/authenticate.ts";
import { checkOrigin } from "../auth/origin.ts";
import { checkGroup, checkTopic } from "../auth/topic_rules.ts";
import type { Settings } from "../config/settings.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { checkHandshake } from "../protocol/handshake.ts";
import { chooseSubprotocol, parseSubprotocols } from "../protocol/subprotocols.ts";
import { parseV1Request } from "../protocol/v1_request.ts";
import type { ReportedSession } from "../session/reported_session.ts";
import { planV1, type V1Plan } from "../session/v1_plan.ts";
import type { SessionServices } from "../session/session_services.ts";
import { V1Session } from "../session/v1_session.ts";
import { upgrade } from "../socket/upgrade.ts";
import type { WaterMarks } from "../socket/water_marks.ts";
import type { WebSocketSink } from "../socket/web_socket_sink.ts";
import { checkHost } from "../auth/host.ts";
import type { SocketLimits } from "./socket_limits.ts";

/** One accepted connection and what serves it. */
export interface OpenSession {
  readonly session: ReportedSession;
  readonly sink: WebSocketSink;
  readonly isGroup: boolean;
  /** `v1`. */
  readonly protocol: string;
  readonly address: string;
  /** Name of the principal. */
  readonly principal: string;
  /** When it was accepted, in milliseconds since 1970. */
  readonly openedMs: number;
}

/** What an upgrade is decided by. */
export interface UpgradeContext {
  readonly settings: Settings;
  readonly authenticator: Authenticator;
  readonly services: SessionServices;
  readonly marks: WaterMarks;
  readonly limits: SocketLimits;
  readonly sessions: Set<OpenSession>;
  /** Those and the ones whose session is over while the runtime still holds the socket. */
  readonly sockets: Set<OpenSession>;
  /** @throws {ProxyError} `kafka_unavailable`, `leaving` */
  readonly checkReady: () => void;
  /** Waits for work that asks Kafka, but not when Kafka turns out to be away. */
  readonly whileReady: <T>(work: Promise<T>) => Promise<T>;
}

/**
 * Turns a request into a WebSocket session.
 *
 * Everything is read from the request and decided before the upgrade, cheapest first, and nothing
 * is asked of Kafka before the client has proven who it is. After the upgrade nothing can throw or
 * wait until the response is returned: Deno would close the listener.
 *
 * @throws {ProxyError} every reason to refuse, as HTTP
 */
export async function handleUpgrade(
  request: Request,
  remoteAddress: string,
  context: UpgradeContext,
): Promise<Response> {
  const { settings, authenticator, services, marks, limits, sessions } = context;
  const { checkReady, whileReady } = context;
  const { headers } = request;
  limits.arrive(request, remoteAddress);
  const url = new URL(request.url);
  checkHandshake(request);
  const host = headers.get("host");
  const origin = headers.get("origin");
  checkOrigin({ origin, host, allowed: settings.origins });
  checkHost({ origin, host, listenHost: settings.host, allowed: settings.origins });
  const principal = await authenticator.authenticate(headers);
  const choice = chooseSubprotocol(parseSubprotocols(headers.get("sec-websocket-protocol")));
  if (choice.protocol !== "v1") {
    throw new ProxyError("unsupported", `Cannot speak "${choice.echo}" yet`);
  }
  const v1 = parseV1Request(url, {
    defaultPartition: settings.partition,
    maxBytes: settings.maxBytes,
    idleTimeoutMs: settings.idleTimeoutMs,
    lingerMs: settings.lingerMs,
    rate: settings.recordsPerSecond,
  });
  checkTopic(v1.topic, settings.internalTopics);
  checkGroup(v1.group, settings.leasePrefix);
  const isGroup = v1.group !== undefined;
  checkReady();
  checkCapacity(context, isGroup);
  const leave = limits.enter(remoteAddress, principal);
  let plan: V1Plan;
  try {
    plan = await whileReady(planV1(v1, services));
    // Others may have come while Kafka was asked.
    checkReady();
    checkCapacity(context, isGroup);
  } catch (error) {
    leave();
    throw error;
  }

  const { response, sink } = upgrade(request, {
    marks,
    stallTimeoutMs: settings.stallTimeoutMs,
    subprotocol: choice.echo,
    pingTimeoutSeconds: settings.pingTimeoutSeconds,
    onMessage: () => session.onMessage(),
  });
  void sink.gone.then(leave);
  const session = new V1Session(crypto.randomUUID(), plan, sink, services);
  const openedMs = Date.now();
  const open = {
    session,
    sink,
    isGroup,
    protocol: "v1",
    address: remoteAddress,
    principal: principal.name,
    openedMs,
  };
  sessions.add(open);
  context.sockets.add(open);
  void sink.gone.then(() => context.sockets.delete(open));
  services.events.emit("session_opened", {
    session: session.id,
    topic: v1.topic,
    partitions: plan.partitions,
    group: v1.group,
    address: remoteAddress,
    protocol: "v1",
  });
  void session.run(sink.opened).finally(() => sessions.delete(open));
  return response;
}

function checkCapacity({ settings, marks, sessions }: UpgradeContext, isGroup: boolean): void {
  if (marks.sockets >= settings.maxSockets) {
    throw new ProxyError(
      "overloaded",
      `Cannot open one more socket: ${marks.sockets} are open, the limit is ${settings.maxSockets}`,
      { details: { limit: "maxSockets" } },
    );
  }
  if (marks.isSpent) {
    throw new ProxyError(
      "overloaded",
      "Cannot open one more socket: what others have not taken yet uses up the memory for records",
      { details: { limit: "memoryBytes" } },
    );
  }
  if (!isGroup) return;
  const groups = [...sessions].filter((open) => open.isGroup).length;
  if (groups < settings.maxGroupSessions) return;
  throw new ProxyError(
    "overloaded",
    `Cannot open one more group session: ${groups} are open, the limit is ` +
      `${settings.maxGroupSessions}`,
    { details: { limit: "maxGroupSessions" } },
  );
}
