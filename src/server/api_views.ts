import type {
  ApiFigures,
  ApiGroup,
  ApiGroups,
  ApiPosition,
  ApiSession,
  ApiSessions,
  ApiSubscription,
} from "../core/api.ts";
import type { SharedLog } from "../log/shared_log.ts";
import type { Delays } from "../observe/event_loop_delay.ts";
import type { Traffic } from "../observe/traffic.ts";
import type { StreamFigures } from "../session/topic_stream.ts";
import type { LagBoard, LagRow } from "./lag_board.ts";
import { stateOf, STATES, unsent } from "./session_state.ts";
import type { OpenSession } from "./upgrade_handler.ts";

/** What the answers of `/api` are made from. */
export interface ApiSources {
  readonly sessions: ReadonlySet<OpenSession>;
  readonly board: LagBoard;
  readonly log: SharedLog;
  readonly traffic: Traffic;
  readonly delays: () => Delays;
  /** Records and bytes clients have written so far. */
  readonly produced: () => { readonly records: number; readonly bytes: number };
}

/** The groups that clients of this process are in. */
export async function groupsView({ sessions, board }: ApiSources): Promise<ApiGroups> {
  const rows = await board.rows();
  const members = new Map<string, { isBalanced: boolean; sessions: Set<string> }>();
  for (const { session: { id, streams } } of sessions) {
    for (const { group, isBalanced } of streams) {
      if (group === undefined) continue;
      const known = members.get(group) ?? { isBalanced, sessions: new Set() };
      known.sessions.add(id);
      members.set(group, known);
    }
  }
  const groups = [...members].map(([group, known]): ApiGroup => {
    const own = rows.filter((row) => row.group === group).sort(byTopicAndPartition);
    return {
      group,
      kind: known.isBalanced ? "balanced" : "pinned",
      members: known.sessions.size,
      lag: `${own.reduce((sum, { lagRecords }) => sum + lagRecords, 0n)}`,
      partitions: own.map(groupPartition),
    };
  });
  groups.sort((a, b) => compared(a.group, b.group));
  return { timestampMs: Date.now(), groups };
}

/** The sockets of this process, slow clients first. */
export async function sessionsView({ sessions, board }: ApiSources): Promise<ApiSessions> {
  await board.refresh();
  const ranked = [...sessions].map((open) => {
    const lag = unsent(open, board);
    return { lag, shown: sessionView(open, lag, board) };
  });
  const rank = ({ shown: { state } }: typeof ranked[number]) => STATES.indexOf(state);
  ranked.sort((a, b) => rank(a) - rank(b) || Number(b.lag - a.lag));
  return { timestampMs: Date.now(), sessions: ranked.map(({ shown }) => shown) };
}

/** What `/metrics` counts, for charts. */
export async function figuresView(sources: ApiSources): Promise<ApiFigures> {
  const { sessions, board, log, traffic, delays, produced } = sources;
  await board.refresh();
  let lag = 0n;
  let bufferedBytes = 0;
  for (const open of sessions) {
    lag += unsent(open, board);
    bufferedBytes += open.sink.bufferedBytes;
  }
  const sent = { records: 0, bytes: 0 };
  for (const { records, bytes } of traffic.rows) {
    sent.records += records;
    sent.bytes += bytes;
  }
  const written = produced();
  return {
    timestampMs: Date.now(),
    startedMs: Math.round(performance.timeOrigin),
    sockets: sessions.size,
    sentRecordsTotal: sent.records,
    sentBytesTotal: sent.bytes,
    producedRecordsTotal: written.records,
    producedBytesTotal: written.bytes,
    lag: `${lag}`,
    bufferedBytes,
    cacheBytes: log.cache.bytes,
    memoryBytes: Deno.memoryUsage().rss,
    eventLoopDelayMs: delays(),
  };
}

function sessionView(open: OpenSession, lag: bigint, board: LagBoard): ApiSession {
  const { session, sink, address, openedMs } = open;
  const { protocol, principal } = session;
  const bySubscription = Map.groupBy(session.streams, ({ subscription }) => subscription);
  return {
    session: session.id,
    protocol,
    principal: principal.name,
    address,
    openedMs,
    state: stateOf(open, lag),
    bufferedBytes: sink.bufferedBytes,
    sentBytes: sink.sentBytes,
    sentRecords: session.sentRecords,
    producedRecords: session.producedRecords,
    lag: `${lag}`,
    subscriptions: [...bySubscription].map(([subscription, streams]) =>
      subscriptionView(subscription, streams, board)
    ),
  };
}

function subscriptionView(
  subscription: number,
  streams: readonly StreamFigures[],
  board: LagBoard,
): ApiSubscription {
  let lag = 0n;
  const positions = streams.flatMap(({ topic, partitions }) =>
    [...partitions].map(([partition, { next }]): ApiPosition => {
      const end = board.end(topic, partition);
      if (end !== undefined && end > next) lag += end - next;
      return { topic, partition, next: `${next}`, ...(end === undefined ? {} : { end: `${end}` }) };
    })
  ).sort(byTopicAndPartition);
  const { group } = streams[0];
  return { subscription, ...(group === undefined ? {} : { group }), lag: `${lag}`, positions };
}

function groupPartition({ topic, partition, committed, end, lagRecords, session }: LagRow) {
  const known = committed === undefined ? {} : { committed: `${committed}` };
  return { topic, partition, ...known, end: `${end}`, lag: `${lagRecords}`, session };
}

interface InTopic {
  readonly topic: string;
  readonly partition: number;
}

function byTopicAndPartition(a: InTopic, b: InTopic): number {
  return compared(a.topic, b.topic) || a.partition - b.partition;
}

function compared(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
