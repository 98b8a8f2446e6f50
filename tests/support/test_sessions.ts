import { ANONYMOUS, type Principal } from "../../src/core/principal.ts";
import { SharedFrames } from "../../src/log/shared_frames.ts";
import { Traffic } from "../../src/observe/traffic.ts";
import { Claims } from "../../src/session/claims.ts";
import { UnansweredCommits } from "../../src/session/unanswered_commits.ts";
import { PermitPool } from "../../src/session/permit_pool.ts";
import { planV1 } from "../../src/session/v1_plan.ts";
import type { SessionServices } from "../../src/session/session_services.ts";
import { V1Session } from "../../src/session/v1_session.ts";
import { type V2Services, V2Session } from "../../src/session/v2_session.ts";
import { InboundLimiter } from "../../src/stream/inbound_limiter.ts";
import type { ArrayReader, ArrayReaderOptions } from "./array_reader.ts";
import { EventRecorder } from "./event_recorder.ts";
import { FakeGroups } from "./fake_groups.ts";
import { FakeLeases } from "./fake_leases.ts";
import { FakeMembers } from "./fake_members.ts";
import { FakeWriter } from "./fake_writer.ts";
import { ManualSink } from "./manual_sink.ts";
import { TestLog } from "./test_log.ts";
import { v1Request } from "./v1_requests.ts";
import type { V2Frame } from "./v2_client.ts";

/** One session under test, running. */
export interface RunningSession<Session = V1Session> {
  readonly session: Session;
  readonly sink: ManualSink;
  /** Settles when the session is over. */
  readonly over: Promise<void>;
}

/** A v2 session under test. */
export interface RunningV2 extends RunningSession<V2Session> {
  /** What the client says. */
  say(frame: unknown): void;
  /** What was sent to it. */
  readonly frames: readonly V2Frame[];
}

/** A process's sessions over fakes, which they share. */
export class TestSessions implements AsyncDisposable {
  readonly reader: ArrayReader;
  readonly groups: FakeGroups;
  readonly leases = new FakeLeases();
  readonly members = new FakeMembers();
  readonly writer = new FakeWriter();
  readonly events = new EventRecorder();
  readonly traffic = new Traffic(100);
  /** What happened to all sinks and groups, in order. */
  readonly history: string[] = [];
  readonly services: SessionServices;
  readonly #test: TestLog;
  readonly #running: RunningSession<unknown>[] = [];

  constructor(options: ArrayReaderOptions & { commitIntervalMs?: number } = {}) {
    this.#test = new TestLog(options);
    this.reader = this.#test.reader;
    this.groups = new FakeGroups(this.history);
    this.services = {
      reader: this.reader,
      groups: this.groups,
      members: this.members,
      leases: this.leases,
      log: this.#test.log,
      frames: new SharedFrames(this.#test.log.cache),
      claims: new Claims(),
      unanswered: new UnansweredCommits(),
      events: this.events,
      traffic: this.traffic,
      commitIntervalMs: options.commitIntervalMs ?? 60_000,
    };
  }

  /** What v2 sessions are served with: everybody may do everything. */
  v2(overrides: Partial<V2Services> = {}): V2Services {
    return {
      ...this.services,
      writer: this.writer,
      permits: new PermitPool({ records: 1_000, bytes: 1_000_000 }),
      limits: {
        frameBytes: 1 << 20,
        subscriptions: 10,
        opening: { records: 8, bytes: 4_096 },
        maxBytes: 500_000,
        rate: undefined,
        lingerMs: 0,
      },
      checkTopic: () => {},
      checkGroup: () => {},
      checkGroupCapacity: () => {},
      authenticate: (token) => Promise.resolve({ name: token, may: () => true }),
      whileReady: (work) => work,
      ...overrides,
    };
  }

  /** Serves a client with this query, as after an upgrade. */
  async start(
    query: string,
    options: {
      name?: string;
      opened?: Promise<void>;
      prepare?: (sink: ManualSink) => void;
    } = {},
  ): Promise<RunningSession> {
    const { name = "", opened = Promise.resolve(), prepare } = options;
    const plan = await planV1(v1Request(query), this.services);
    const sink = new ManualSink({ name, history: this.history });
    prepare?.(sink);
    const id = `session ${this.#running.length + 1}`;
    const session = new V1Session(id, plan, sink, this.services);
    const running = { session, sink, over: session.run(opened) };
    this.#running.push(running);
    return running;
  }

  /** Serves a v2 client, as after an upgrade. */
  startV2(
    { principal = ANONYMOUS, services, prepare }: {
      principal?: Principal;
      services?: Partial<V2Services>;
      prepare?: (sink: ManualSink) => void;
    } = {},
  ): RunningV2 {
    const sink = new ManualSink({ history: this.history });
    prepare?.(sink);
    const id = `session ${this.#running.length + 1}`;
    const inbound = new InboundLimiter({
      maxMessageBytes: 1 << 20,
      messagesPerSecond: undefined,
      bytesPerSecond: undefined,
    });
    const session = new V2Session(id, "v2", principal, sink, inbound, this.v2(services));
    const running = { session, sink, over: session.run(Promise.resolve()) };
    this.#running.push(running);
    return {
      ...running,
      say: (frame) => session.onMessage(JSON.stringify(frame)),
      get frames() {
        return sink.frames.map((frame): V2Frame => JSON.parse(frame));
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { sink } of this.#running) sink.closeByPeer();
    await Promise.all(this.#running.map(({ over }) => over));
    await this.#test[Symbol.asyncDispose]();
  }
}
