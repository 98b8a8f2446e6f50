import { SharedFrames } from "../../src/log/shared_frames.ts";
import { Traffic } from "../../src/observe/traffic.ts";
import { Claims } from "../../src/session/claims.ts";
import { planV1 } from "../../src/session/v1_plan.ts";
import type { SessionServices } from "../../src/session/session_services.ts";
import { V1Session } from "../../src/session/v1_session.ts";
import type { ArrayReader, ArrayReaderOptions } from "./array_reader.ts";
import { EventRecorder } from "./event_recorder.ts";
import { FakeGroups } from "./fake_groups.ts";
import { FakeLeases } from "./fake_leases.ts";
import { FakeMembers } from "./fake_members.ts";
import { ManualSink } from "./manual_sink.ts";
import { TestLog } from "./test_log.ts";
import { v1Request } from "./v1_requests.ts";

/** One session under test, running. */
export interface RunningSession {
  readonly session: V1Session;
  readonly sink: ManualSink;
  /** Settles when the session is over. */
  readonly over: Promise<void>;
}

/** A process's sessions over fakes, which they share. */
export class TestSessions implements AsyncDisposable {
  readonly reader: ArrayReader;
  readonly groups: FakeGroups;
  readonly leases = new FakeLeases();
  readonly members = new FakeMembers();
  readonly events = new EventRecorder();
  readonly traffic = new Traffic(100);
  /** What happened to all sinks and groups, in order. */
  readonly history: string[] = [];
  readonly services: SessionServices;
  readonly #test: TestLog;
  readonly #running: RunningSession[] = [];

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
      events: this.events,
      traffic: this.traffic,
      commitIntervalMs: options.commitIntervalMs ?? 60_000,
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

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { sink } of this.#running) sink.closeByPeer();
    await Promise.all(this.#running.map(({ over }) => over));
    await this.#test[Symbol.asyncDispose]();
  }
}
