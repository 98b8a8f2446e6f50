import process from "node:process";
import type { Settings } from "../config/settings.ts";
import { VERSION } from "../core/version.ts";
import type { SharedLog } from "../log/shared_log.ts";
import { BoundedNames, OTHER } from "../observe/bounded_names.ts";
import { groupPartitionKey } from "../observe/committed_offsets.ts";
import type { Delays } from "../observe/event_loop_delay.ts";
import type { MetricOf } from "../observe/metric_table.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Traffic } from "../observe/traffic.ts";
import type { CursorWatch } from "./cursor_watch.ts";
import type { LagBoard, LagRow } from "./lag_board.ts";
import type { OpenSession } from "./upgrade_handler.ts";

/** What the metrics are read from. */
export interface MetricSources {
  readonly settings: () => Settings;
  readonly log: SharedLog;
  readonly traffic: Traffic;
  readonly board: LagBoard;
  readonly watch: CursorWatch;
  readonly delays: () => Delays;
  readonly sessions: ReadonlySet<OpenSession>;
  readonly sockets: ReadonlySet<OpenSession>;
  readonly health: () => {
    readonly isReady: boolean;
    readonly isKafkaUp: boolean;
    readonly isDraining: boolean;
  };
}

const LAG_GAUGES = [
  "kafka_proxy_group_lag_records",
  "kafka_proxy_group_lag_seconds",
  "kafka_proxy_group_committed_offset",
] as const satisfies readonly MetricOf<"gauge">[];

const MICROSECONDS = 1_000_000;

/** Has everything that is a state, or is counted elsewhere, read when `/metrics` is. */
export function collectMetrics(metrics: Metrics, sources: MetricSources): void {
  const { maxMetricSeries } = sources.settings();
  const lagSeries = new BoundedNames(maxMetricSeries);
  metrics.collector(() => collectProcess(metrics, sources.delays()));
  metrics.collector(() => collectHealth(metrics, sources));
  metrics.collector(() => collectSockets(metrics, sources));
  metrics.collector(() => collectTraffic(metrics, sources.traffic));
  metrics.collector(() => collectLog(metrics, sources));
  metrics.collector(async () => collectLag(metrics, lagSeries, await sources.board.rows()));
}

function collectProcess(metrics: Metrics, { p50, p99, max }: Delays): void {
  for (const [quantile, delayMs] of [["0.5", p50], ["0.99", p99], ["1", max]] as const) {
    metrics.set("kafka_proxy_event_loop_delay_seconds", { quantile }, delayMs / 1_000);
  }
  const { rss, heapUsed, external } = Deno.memoryUsage();
  const { user, system } = process.cpuUsage();
  metrics.set("kafka_proxy_build_info", { version: VERSION, deno: Deno.version.deno }, 1);
  metrics.set("process_resident_memory_bytes", {}, rss);
  metrics.set("kafka_proxy_heap_used_bytes", {}, heapUsed);
  metrics.set("kafka_proxy_external_bytes", {}, external);
  metrics.total("process_cpu_seconds_total", {}, (user + system) / MICROSECONDS);
  metrics.set("process_start_time_seconds", {}, performance.timeOrigin / 1_000);
}

function collectHealth(metrics: Metrics, { health }: MetricSources): void {
  const { isReady, isKafkaUp, isDraining } = health();
  metrics.set("kafka_proxy_ready", {}, Number(isReady));
  metrics.set("kafka_proxy_kafka_up", {}, Number(isKafkaUp));
  metrics.set("kafka_proxy_draining", {}, Number(isDraining));
}

function collectSockets(metrics: Metrics, { settings, sessions, sockets }: MetricSources): void {
  const counts = new Map([["v1 open", 0], ["v1 closing", 0]]);
  let bufferedBytes = 0;
  for (const { session: { protocol }, sink } of sockets) {
    const key = `${protocol} ${sink.isClosed ? "closing" : "open"}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    if (!sink.isClosed) bufferedBytes += sink.bufferedBytes;
  }
  metrics.clear("kafka_proxy_sockets");
  for (const [key, count] of counts) {
    const [protocol, state] = key.split(" ");
    metrics.set("kafka_proxy_sockets", { protocol, state }, count);
  }
  metrics.set("kafka_proxy_buffered_bytes", {}, bufferedBytes);
  metrics.set("kafka_proxy_sockets_limit", {}, settings().maxSockets);
  const groups = [...sessions].reduce((sum, { session }) => sum + session.groups, 0);
  metrics.set("kafka_proxy_group_sessions", {}, groups);
  metrics.set("kafka_proxy_group_sessions_limit", {}, settings().maxGroupSessions);
}

function collectTraffic(metrics: Metrics, traffic: Traffic): void {
  const frames = new Map<string, number>();
  for (const { protocol, topic, records, bytes, frames: sent } of traffic.rows) {
    frames.set(protocol, (frames.get(protocol) ?? 0) + sent);
    metrics.total("kafka_proxy_sent_records_total", { protocol, topic }, records);
    metrics.total("kafka_proxy_sent_bytes_total", { protocol, topic }, bytes);
  }
  for (const { protocol, frames, bytes } of traffic.inbound) {
    metrics.total("kafka_proxy_received_frames_total", { protocol }, frames);
    metrics.total("kafka_proxy_received_bytes_total", { protocol }, bytes);
  }
  for (const [protocol, sent] of frames) {
    metrics.total("kafka_proxy_sent_frames_total", { protocol }, sent);
  }
}

function collectLog(metrics: Metrics, { settings, log, watch }: MetricSources): void {
  const { live, cached, catchUp } = log.cursorStates;
  metrics.set("kafka_proxy_cursors", { state: "live" }, live);
  metrics.set("kafka_proxy_cursors", { state: "cached" }, cached);
  metrics.set("kafka_proxy_cursors", { state: "catch_up" }, catchUp);
  metrics.set("kafka_proxy_partition_logs", {}, log.size);
  metrics.set("kafka_proxy_stuck_cursors", {}, watch.stuck);
  metrics.set("kafka_proxy_cache_bytes", {}, log.cache.bytes);
  metrics.set("kafka_proxy_cache_limit_bytes", {}, settings().cacheBytes);
  metrics.total("kafka_proxy_cache_reads_total", { result: "hit" }, log.cache.hits);
  metrics.total("kafka_proxy_cache_reads_total", { result: "miss" }, log.cache.misses);
}

/** Series up to the limit; the rest as one, with the sum of records and the longest time. */
function collectLag(metrics: Metrics, series: BoundedNames, rows: readonly LagRow[]): void {
  series.keep(new Set(rows.map(groupPartitionKey)));
  metrics.clear(...LAG_GAUGES);
  let others = 0n;
  let othersSeconds = 0;
  let hasOthers = false;
  for (const row of rows) {
    const { group, topic, lagRecords, lagSeconds, committed } = row;
    if (series.label(groupPartitionKey(row)) === OTHER) {
      hasOthers = true;
      others += lagRecords;
      othersSeconds = Math.max(othersSeconds, lagSeconds ?? 0);
      continue;
    }
    const labels = { group, topic, partition: `${row.partition}` };
    metrics.set("kafka_proxy_group_lag_records", labels, Number(lagRecords));
    if (lagSeconds !== undefined) metrics.set("kafka_proxy_group_lag_seconds", labels, lagSeconds);
    if (committed !== undefined) {
      metrics.set("kafka_proxy_group_committed_offset", labels, Number(committed));
    }
  }
  if (!hasOthers) return;
  const labels = { group: OTHER, topic: OTHER, partition: OTHER };
  metrics.set("kafka_proxy_group_lag_records", labels, Number(others));
  metrics.set("kafka_proxy_group_lag_seconds", labels, othersSeconds);
}
