import type { V2Response } from "../protocol/v2_responses.ts";
import { ClientError } from "./client_error.ts";
import type { Connection } from "./connection.ts";
import { type Deferred, deferred } from "./deferred.ts";
import {
  type EncodedRecord,
  encodeRecords,
  type NotProduced,
  type Produced,
  ProduceError,
  type ProduceRecord,
} from "./produce_records.ts";

/** Most records of one frame. */
const FRAME_RECORDS = 500;

/** What is asked for when the opening balance is too small for what waits. */
const WANTED_RECORDS = 5_000;
const WANTED_BYTES = 4 << 20;

/** One call of `produce`. */
interface Call {
  readonly topic: string;
  readonly encoding: string;
  readonly records: readonly EncodedRecord[];
  readonly results: (Produced | NotProduced | undefined)[];
  readonly done: Deferred<readonly Produced[]>;
  /** Records handed to a connection so far. */
  sent: number;
  /** Frames that are not answered. */
  open: number;
  cause: unknown;
  isOver: boolean;
}

/** A frame that is not answered. */
interface Sent {
  readonly call: Call;
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

/**
 * Writes records within the server's permits: what is sent and not answered never exceeds them, so
 * that the server never has to end the connection. What does not fit waits here, in order.
 *
 * After a connection is lost, records that were sent and not answered are `unknown` and are not sent
 * again; those that were not sent go out over the next one, unless earlier ones of the same call
 * were lost: then they are `failed`, so that a call never leaves a hole in its order.
 */
export class Producer {
  readonly #calls: Call[] = [];
  readonly #sent = new Set<Sent>();
  readonly #prove: () => void;
  #connection: Connection | undefined;
  #permitRecords = 0;
  #permitBytes = 0;
  #usedRecords = 0;
  #usedBytes = 0;
  #isAsking = false;
  #mayAsk = true;
  #ended: ClientError | undefined;

  /** @param prove called when the server has answered: the connection works */
  constructor(prove: () => void) {
    this.#prove = prove;
  }

  /** @throws {ProduceError} */
  async produce(
    topic: string,
    records: readonly ProduceRecord[],
    signal?: AbortSignal,
  ): Promise<readonly Produced[]> {
    if (records.length === 0) return [];
    const encoded = encodeRecords(records);
    const call: Call = {
      topic,
      encoding: encoded.encoding,
      records: encoded.records,
      results: new Array(records.length).fill(undefined),
      done: deferred(),
      sent: 0,
      open: 0,
      cause: undefined,
      isOver: false,
    };
    if (this.#ended !== undefined) this.#giveUp(call, "closed", this.#ended.message, this.#ended);
    const onAbort = () => this.#giveUp(call, "aborted", "aborted by the caller", signal!.reason);
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort);
    if (!call.isOver) {
      this.#calls.push(call);
      this.#pump();
    }
    try {
      return await call.done.promise;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  opened(connection: Connection): void {
    const { produceRecords, produceBytes } = connection.hello.limits;
    this.#connection = connection;
    this.#permitRecords = produceRecords;
    this.#permitBytes = produceBytes;
    this.#mayAsk = true;
    this.#pump();
  }

  lost(): void {
    if (this.#connection === undefined) return;
    this.#connection = undefined;
    this.#usedRecords = this.#usedBytes = 0;
    this.#isAsking = false;
    const calls = new Set([...this.#sent].map(({ call }) => call));
    this.#sent.clear();
    for (const call of calls) {
      this.#giveUp(call, "lost", "the connection broke before the server answered");
    }
  }

  /** The client is over: nothing that waits will be sent. */
  end(error: ClientError): void {
    this.lost();
    this.#ended = error;
    for (const call of [...this.#calls]) this.#giveUp(call, "closed", error.message, error);
  }

  #pump(): void {
    const connection = this.#connection;
    if (connection === undefined || !connection.isOpen) return;
    while (this.#calls.length > 0) {
      const call = this.#calls[0];
      if (call.isOver || call.sent === call.records.length) {
        this.#calls.shift();
        continue;
      }
      if (!this.#sendSome(call, connection)) return;
    }
  }

  /** Sends as many of the call's records as fit in a frame; false when none may go now. */
  #sendSome(call: Call, connection: Connection): boolean {
    const { topic, encoding, records } = call;
    const { frameBytes } = connection.hello.limits;
    // The id is of unknown length until it is there; more than this it cannot have.
    const head = `"type":"produce","topic":${JSON.stringify(topic)},"encoding":"${encoding}",`;
    const around = head.length * 3 + 48;
    const roomRecords = Math.min(this.#permitRecords - this.#usedRecords, FRAME_RECORDS);
    const roomBytes = Math.min(this.#permitBytes - this.#usedBytes, frameBytes);
    let bytes = around;
    let to = call.sent;
    while (to < records.length && to - call.sent < roomRecords) {
      if (bytes + records[to].bytes + 1 > roomBytes) break;
      bytes += records[to++].bytes + 1;
    }
    // More waits than may go: a larger balance would be of use.
    if (to < records.length || this.#calls.length > 1) this.#ask(connection, call, around);
    if (to === call.sent) {
      const needs = around + records[to].bytes + 1;
      const never = needs > frameBytes ||
        (needs > this.#permitBytes && !this.#isAsking && !this.#mayAsk);
      if (never) this.#refuseNext(call);
      return never;
    }
    const sent: Sent = { call, from: call.sent, to, bytes };
    const list = records.slice(call.sent, to).map(({ text }) => text).join();
    call.sent = to;
    call.open++;
    this.#usedRecords += to - sent.from;
    this.#usedBytes += bytes;
    this.#sent.add(sent);
    connection.requestText((id) => `{${head}"id":${id},"records":[${list}]}`, (answer) => {
      this.#answered(sent, answer);
    });
    return true;
  }

  /** Asks for a larger balance, once for each need. */
  #ask(connection: Connection, call: Call, around: number): void {
    const needs = around + call.records[Math.min(call.sent, call.records.length - 1)].bytes + 1;
    if (this.#isAsking || !(this.#mayAsk || needs > this.#permitBytes)) return;
    if (!this.#mayAsk) return;
    this.#isAsking = true;
    this.#mayAsk = false;
    const frame = {
      type: "permit",
      records: Math.max(WANTED_RECORDS, this.#permitRecords),
      bytes: Math.max(WANTED_BYTES, this.#permitBytes, Math.min(needs, 1_000_000_000)),
    };
    connection.request(frame, (answer) => {
      this.#isAsking = false;
      if (!(answer instanceof ClientError) && answer.type === "permitted") {
        this.#permitRecords = Math.max(this.#permitRecords, answer.records);
        this.#permitBytes = Math.max(this.#permitBytes, answer.bytes);
      }
      this.#pump();
    });
  }

  #refuseNext(call: Call): void {
    const { bytes } = call.records[call.sent];
    call.results[call.sent++] = {
      code: "too_large",
      outcome: "failed",
      message: `the record is ${bytes} bytes as JSON, more than the server takes in one frame`,
    };
    this.#settle(call);
  }

  #answered(sent: Sent, answer: V2Response | ClientError): void {
    const { call, from, to, bytes } = sent;
    this.#sent.delete(sent);
    this.#usedRecords -= to - from;
    this.#usedBytes -= bytes;
    this.#prove();
    if (!call.isOver) {
      call.open--;
      for (let i = from; i < to; i++) call.results[i] = resultOf(answer, i - from);
      this.#settle(call);
    }
    this.#pump();
  }

  /** Resolves or rejects when every record has its result. */
  #settle(call: Call): void {
    if (call.isOver || call.open > 0 || call.sent < call.records.length) return;
    call.isOver = true;
    const results = call.results as (Produced | NotProduced)[];
    if (results.some((each) => "outcome" in each)) {
      call.done.reject(new ProduceError(results, call.cause));
    } else {
      call.done.resolve(results as Produced[]);
    }
  }

  /** Ends a call with what is known: sent and not answered is unknown, the rest was never sent. */
  #giveUp(call: Call, code: string, message: string, cause?: unknown): void {
    if (call.isOver) return;
    const { results, sent } = call;
    for (let i = 0; i < results.length; i++) {
      results[i] ??= i < sent
        ? { code, outcome: "unknown", message }
        : { code, outcome: "failed", message: `not sent: ${message}` };
    }
    call.cause = cause;
    call.open = 0;
    call.sent = results.length;
    this.#settle(call);
    const place = this.#calls.indexOf(call);
    if (place >= 0) this.#calls.splice(place, 1);
  }
}

function resultOf(answer: V2Response | ClientError, index: number): Produced | NotProduced {
  if (answer instanceof ClientError) {
    return { code: answer.code, outcome: "failed", message: answer.message };
  }
  const result = answer.type === "produced" ? answer.results[index] : undefined;
  if (result === undefined) {
    return { code: "bad_frame", outcome: "unknown", message: "the server gave no result" };
  }
  if (!("offset" in result)) return result;
  const { partition, offset, timestamp } = result;
  return { partition, offset: BigInt(offset), timestamp };
}
