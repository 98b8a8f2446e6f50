import { setImmediate } from "node:timers";
import type { Access } from "../auth/access.ts";
import { checkHost } from "../auth/host.ts";
import { checkOrigin } from "../auth/origin.ts";
import { checkEncoding, checkGroup, checkTopic } from "../auth/topic_rules.ts";
import type { Settings } from "../config/settings.ts";
import { least } from "../core/least.ts";
import type { FrameSink } from "../core/ports.ts";
import type { Principal } from "../core/principal.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { checkHandshake } from "../protocol/handshake.ts";
import { chooseSubprotocol, parseSubprotocols } from "../protocol/subprotocols.ts";
import { parseV1Request } from "../protocol/v1_request.ts";
import type { ClientSession } from "../session/client_session.ts";
import { planV1 } from "../session/v1_plan.ts";
import { V1Session } from "../session/v1_session.ts";
import { type V2Services, V2Session } from "../session/v2_session.ts";
import { dropMessage } from "../socket/drop_message.ts";
import { upgrade } from "../socket/upgrade.ts";
import type { WaterMarks } from "../socket/water_marks.ts";
import type { WebSocketSink } from "../socket/web_socket_sink.ts";
import { InboundLimiter } from "../stream/inbound_limiter.ts";
import type { SocketLimits } from "./socket_limits.ts";

/** One accepted connection and what serves it. */
export interface OpenSession {
  readonly session: ClientSession;
  readonly sink: WebSocketSink;
  readonly address: string;
  /** When it was accepted, in milliseconds since 1970. */
  readonly openedMs: number;
}

/** What an upgrade is decided by. */
export interface UpgradeContext {
  readonly settings: Settings;
  readonly access: Access;
  readonly services: V2Services;
  readonly marks: WaterMarks;
  readonly limits: SocketLimits;
  readonly sessions: Set<OpenSession>;
  /** Those and the ones whose session is over while the runtime still holds the socket. */
  readonly sockets: Set<OpenSession>;
  /** @throws {ProxyError} `kafka_unavailable`, `leaving` */
  readonly checkReady: () => void;
}

/** What an accepted socket will be served by. */
interface Prepared {
  open(id: string, sink: FrameSink): ClientSession;
  /** For the log. */
  readonly topic?: string;
  readonly partitions?: readonly number[];
  readonly group?: string;
}

/** With one turn 3,000 clients that leave at once left 121 connections behind, with these none. */
const PRESENCE_TURNS = 8;

/** Parameters of the URL that a v2 client may send: everything else is in its frames. */
const V2_PARAMETERS: readonly string[] = ["access_token", "closeCodes", "ticket"];

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
  context.limits.arrive(request, remoteAddress);
  checkHandshake(request);
  // Asked for now, since it says only what happens from then on.
  const { signal } = request;
  try {
    return await accept(request, signal, remoteAddress, context);
  } catch (error) {
    const known = ProxyError.from(error);
    if (known.code === "internal" || !wantsCloseCode(request, context)) throw error;
    await checkPresent(signal);
    return acceptAndClose(request, known, remoteAddress, context);
  }
}

async function accept(
  request: Request,
  signal: AbortSignal,
  remoteAddress: string,
  context: UpgradeContext,
): Promise<Response> {
  const { settings, access, services, marks, limits, sessions, checkReady } = context;
  const { headers } = request;
  const url = new URL(request.url);
  const host = headers.get("host");
  const origin = headers.get("origin");
  checkOrigin({ origin, host, allowed: settings.origins });
  checkHost({ origin, host, listenHost: settings.host, allowed: settings.origins });
  const principal = await access.authenticator.authenticate({
    headers,
    url,
    address: remoteAddress,
  });
  const choice = chooseSubprotocol(parseSubprotocols(headers.get("sec-websocket-protocol")));
  const prepare = choice.protocol === "v1"
    ? readV1(url, principal, context)
    : readV2(url, choice.protocol, principal, context);
  checkReady();
  checkSockets(context);
  const leave = limits.enter(remoteAddress, principal);
  let prepared: Prepared;
  try {
    prepared = await prepare();
    await checkPresent(signal);
    // Others may have come while Kafka was asked.
    checkReady();
    checkSockets(context);
  } catch (error) {
    leave();
    throw error;
  }

  const { response, sink } = upgrade(request, {
    marks,
    stallTimeoutMs: settings.stallTimeoutMs,
    subprotocol: choice.echo,
    pingTimeoutSeconds: settings.pingTimeoutSeconds,
    onMessage: (data) => {
      services.traffic.heard(choice.protocol, data);
      session.onMessage(data);
      dropMessage(data);
    },
  });
  void sink.gone.then(leave);
  const session = prepared.open(crypto.randomUUID(), sink);
  const open = { session, sink, address: remoteAddress, openedMs: Date.now() };
  sessions.add(open);
  context.sockets.add(open);
  void sink.gone.then(() => context.sockets.delete(open));
  const { topic, partitions, group } = prepared;
  services.events.emit("session_opened", {
    session: session.id,
    topic,
    partitions,
    group,
    address: remoteAddress,
    protocol: choice.protocol,
    principal: principal.name,
  });
  void session.run(sink.opened).finally(() => sessions.delete(open));
  return response;
}

/** Whether a refusal is to be told as a close code, which is the only way a page can see it. */
function wantsCloseCode({ url }: Request, { settings, marks }: UpgradeContext): boolean {
  return settings.closeCodes === "on" && marks.sockets < settings.maxSockets &&
    new URL(url).searchParams.get("closeCodes") === "1";
}

/** Opens the WebSocket of a refused client, to close it with the code of the refusal. */
function acceptAndClose(
  request: Request,
  error: ProxyError,
  address: string,
  { settings, services, marks }: UpgradeContext,
): Response {
  const { code, message: reason, row: { status, closeCode } } = error;
  const offered = parseSubprotocols(request.headers.get("sec-websocket-protocol"));
  const { response, sink } = upgrade(request, {
    marks,
    stallTimeoutMs: settings.stallTimeoutMs,
    subprotocol: offered.find((name) => name.startsWith("kafka-proxy.")),
    pingTimeoutSeconds: settings.pingTimeoutSeconds,
    onMessage: dropMessage,
  });
  services.events.emit("session_refused", { status, code, reason, address });
  void sink.opened.then(() => sink.close(closeCode, reason));
  return response;
}

/** What is left to do for an accepted socket when its request is one the server understands. */
type Prepare = () => Promise<Prepared>;

/** A v1 client says everything in its URL, so that Kafka is asked before it is accepted. */
function readV1(url: URL, principal: Principal, { settings, services }: UpgradeContext): Prepare {
  const request = parseV1Request(url, {
    defaultPartition: settings.partition,
    maxBytes: settings.maxBytes,
    idleTimeoutMs: settings.idleTimeoutMs,
    lingerMs: settings.lingerMs,
    rate: least(settings.recordsPerSecond, principal.limits?.recordsPerSecond),
  });
  const { topic, group } = request;
  services.checkTopic(principal, "consume", topic);
  if (group !== undefined) services.checkGroup(principal, group);
  checkEncoding(request.encoding, principal);
  return async () => {
    if (group !== undefined) services.checkGroupCapacity();
    const plan = await services.whileReady(planV1(request, services));
    if (group !== undefined) services.checkGroupCapacity();
    const { partitions } = plan;
    return {
      open: (id, sink) => new V1Session(id, plan, sink, services, principal),
      topic,
      partitions,
      group,
    };
  };
}

/** A v2 client says what it wants in its frames. */
function readV2(
  url: URL,
  protocol: "v2" | "v2.binary",
  principal: Principal,
  { services, settings }: UpgradeContext,
): Prepare {
  for (const name of url.searchParams.keys()) {
    if (V2_PARAMETERS.includes(name)) continue;
    throw new ProxyError(
      "bad_parameter",
      `Cannot take the parameter ${
        JSON.stringify(name.slice(0, 40))
      }: with kafka-proxy.${protocol} ` +
        "it belongs in a subscribe frame",
    );
  }
  const { maxMessageBytes, messagesPerSecond, inboundBytesPerSecond } = settings;
  const limiter = new InboundLimiter({
    maxMessageBytes,
    messagesPerSecond,
    bytesPerSecond: inboundBytesPerSecond,
  });
  return () =>
    Promise.resolve({
      open: (id, sink) => new V2Session(id, protocol, principal, sink, limiter, services),
    });
}

/** What decides about topics and groups: names that are the server's or Kafka's own, and rights. */
export function accessChecks(
  settings: () => Pick<Settings, "internalTopics" | "leasePrefix">,
): Pick<V2Services, "checkTopic" | "checkGroup"> {
  return {
    checkTopic: (principal, operation, topic) => {
      const { internalTopics } = settings();
      checkTopic(topic, { principal, operation, internalTopics });
    },
    checkGroup: (principal, group) => {
      const { leasePrefix } = settings();
      checkGroup(group, { principal, leasePrefix });
    },
  };
}

/** @throws {ProxyError} `overloaded` when there are as many group sessions as there may be */
export function checkGroupCapacity(
  { maxGroupSessions }: Settings,
  sessions: Iterable<OpenSession>,
): void {
  let groups = 0;
  for (const { session } of sessions) groups += session.groups;
  if (groups < maxGroupSessions) return;
  throw new ProxyError(
    "overloaded",
    `Cannot open one more group session: ${groups} are open, the limit is ${maxGroupSessions}`,
    { details: { limit: "maxGroupSessions" } },
  );
}

/**
 * An upgrade for a client that has gone meanwhile never ends: Deno 2.9 fires no event, and keeps the
 * connection, its file descriptor and its memory until the process ends. That it has gone is heard a
 * few turns of the event loop late.
 *
 * @throws {ProxyError} `bad_request`
 */
async function checkPresent(signal: AbortSignal): Promise<void> {
  for (let i = 0; i < PRESENCE_TURNS && !signal.aborted; i++) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  if (!signal.aborted) return;
  throw new ProxyError("bad_request", "Cannot answer: the client went away before it was answered");
}

function checkSockets({ settings, marks }: UpgradeContext): void {
  if (marks.sockets >= settings.maxSockets) {
    throw new ProxyError(
      "overloaded",
      `Cannot open one more socket: ${marks.sockets} are open, the limit is ${settings.maxSockets}`,
      { details: { limit: "maxSockets" } },
    );
  }
  if (!marks.isSpent) return;
  throw new ProxyError(
    "overloaded",
    "Cannot open one more socket: what others have not taken yet uses up the memory for records",
    { details: { limit: "memoryBytes" } },
  );
}
