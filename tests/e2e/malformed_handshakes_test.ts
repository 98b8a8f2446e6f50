import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { eventually } from "../support/eventually.ts";
import { ProxyProcess } from "../support/proxy_process.ts";
import { StuckPeer } from "../support/stuck_peer.ts";

const sharedKafka = shareKafka();

const UPGRADE = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

const TARGET = "/?topic=handshakes&consumerGroup=";

function head(requestLine: string, ...lines: string[]): string {
  return [requestLine, ...lines, "", ""].join("\r\n");
}

const HANDSHAKE = head(`GET ${TARGET} HTTP/1.1`, "Host: localhost", ...UPGRADE);

/** What comes over the wire, and what begins the answer; `open`: nothing yet, it may go on. */
const MALFORMED: Readonly<Record<string, { bytes: string | Uint8Array; answer: RegExp | "open" }>> =
  {
    "nothing": { bytes: "", answer: "open" },
    "half a request line": { bytes: "GET /?topic=hands", answer: "open" },
    "half of the headers": {
      bytes: "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: webs",
      answer: "open",
    },
    "random bytes": { bytes: Buffer.alloc(4096, "\x01\xff\x80 "), answer: /^HTTP\/1.1 400 / },
    "a TLS greeting": {
      bytes: Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]),
      answer: /^HTTP\/1.1 400 /,
    },
    "HTTP/2 with prior knowledge": { bytes: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", answer: /^\0/ },
    "no version": { bytes: "GET /\r\n\r\n", answer: /^HTTP\/1.1 400 / },
    "a method of symbols": {
      bytes: head("<> / HTTP/1.1", "Host: localhost", ...UPGRADE),
      answer: /^HTTP\/1.1 400 /,
    },
    "a small method": {
      bytes: head(`get ${TARGET} HTTP/1.1`, "Host: localhost", ...UPGRADE),
      answer: /^HTTP\/1.1 405 [^]*"method_not_allowed"/,
    },
    "NUL in a header": {
      bytes: head("GET / HTTP/1.1", "Host: localhost", "A: \0"),
      answer: /^HTTP\/1.1 400 /,
    },
    "300 headers": {
      bytes: head(
        "GET / HTTP/1.1",
        "Host: localhost",
        ...Array.from({ length: 300 }, (_, i) => `a${i}: b`),
      ),
      answer: /^HTTP\/1.1 400 /,
    },
    "2 MB of header": {
      bytes: head("GET / HTTP/1.1", "Host: localhost", `A: ${"a".repeat(2_000_000)}`),
      answer: /^HTTP\/1.1 400 /,
    },
    "200 KB of address": {
      bytes: head(
        `GET /?topic=${"a".repeat(200_000)} HTTP/1.1`,
        "Host: localhost",
        ...UPGRADE,
      ),
      answer: /^HTTP\/1.1 400 /,
    },
    "a Host with a bracket": {
      bytes: head(`GET ${TARGET} HTTP/1.1`, "Host: [::::", ...UPGRADE),
      answer: /^HTTP\/1.1 400 [^]*"bad_request"/,
    },
    "a Host with a port of five nines": {
      bytes: head(`GET ${TARGET} HTTP/1.1`, "Host: localhost:99999", ...UPGRADE),
      answer: /^HTTP\/1.1 400 [^]*"bad_request"/,
    },
    "two Hosts": {
      bytes: head(`GET ${TARGET} HTTP/1.1`, "Host: a", "Host: b", ...UPGRADE),
      answer: /^HTTP\/1.1 400 /,
    },
    "an address of slashes and a bracket": {
      bytes: head("GET //[ HTTP/1.1", "Host: localhost"),
      answer: /^HTTP\/1.1 404 [^]*"not_found"/,
    },
    "broken percent signs": {
      bytes: head("GET /?topic=%ff%zz&%=% HTTP/1.1", "Host: localhost", ...UPGRADE),
      answer: /^HTTP\/1.1 400 [^]*"bad_parameter"/,
    },
    "an Origin that is none": {
      bytes: head(`GET ${TARGET} HTTP/1.1`, "Host: localhost", "Origin: \xff\xfe", ...UPGRADE),
      answer: /^HTTP\/1.1 403 [^]*"origin_refused"/,
    },
    "an upgrade with a body": {
      bytes: head(
        `GET ${TARGET} HTTP/1.1`,
        "Host: localhost",
        "Content-Length: 99999",
        ...UPGRADE,
      ) + "hello",
      answer: /^HTTP\/1.1 400 /,
    },
    "an upgrade with a chunk that is none": {
      bytes: head(
        `GET ${TARGET} HTTP/1.1`,
        "Host: localhost",
        "Transfer-Encoding: chunked",
        ...UPGRADE,
      ) + "zz\r\n",
      answer: /^HTTP\/1.1 400 /,
    },
    "a key that is too short": {
      bytes: HANDSHAKE.replace("dGhlIHNhbXBsZSBub25jZQ==", "dGhl"),
      answer: /^HTTP\/1.1 400 [^]*"bad_request"/,
    },
    "a second request behind the handshake": {
      bytes: HANDSHAKE + HANDSHAKE,
      answer: /^HTTP\/1.1 101 /,
    },
    "garbage behind the handshake": {
      bytes: HANDSHAKE + "garbage".repeat(1_000),
      answer: /^HTTP\/1.1 101 /,
    },
    "a frame of 2^63 bytes": {
      bytes: Buffer.concat([
        Buffer.from(HANDSHAKE),
        Buffer.from([0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255]),
      ]),
      answer: /^HTTP\/1.1 101 /,
    },
    "an opcode that does not exist": {
      bytes: Buffer.concat([Buffer.from(HANDSHAKE), Buffer.from([0x83, 0x80, 0, 0, 0, 0])]),
      answer: /^HTTP\/1.1 101 /,
    },
    "a close frame of one byte": {
      bytes: Buffer.concat([Buffer.from(HANDSHAKE), Buffer.from([0x88, 0x81, 0, 0, 0, 0, 1])]),
      answer: /^HTTP\/1.1 101 /,
    },
    "text that is not UTF-8": {
      bytes: Buffer.concat([
        Buffer.from(HANDSHAKE),
        Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe]),
      ]),
      answer: /^HTTP\/1.1 101 /,
    },
  };

/** A bare connection that has written something, and what has come back. */
class RawConnection implements Disposable {
  #isClosed = false;
  text = "";
  isEnded = false;
  readonly #connection: Deno.TcpConn;
  readonly #reading: Promise<void>;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    this.#reading = this.#read();
  }

  static async write(url: string, bytes: string | Uint8Array): Promise<RawConnection> {
    const { hostname, port } = new URL(url);
    const connection = await Deno.connect({ hostname, port: Number(port) });
    const raw = new RawConnection(connection);
    await raw.#write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
    return raw;
  }

  async close(): Promise<void> {
    this[Symbol.dispose]();
    await this.#reading;
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection.close();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
    } catch (error) {
      // The server need not read to the end what it refuses.
      if (!isCut(error)) throw error;
    }
  }

  async #read(): Promise<void> {
    const bytes = new Uint8Array(1 << 16);
    try {
      for (;;) {
        const count = await this.#connection.read(bytes);
        if (count === null) break;
        this.text += Buffer.from(bytes.subarray(0, count)).toString("latin1");
      }
    } catch (error) {
      if (!isCut(error)) throw error;
    }
    this.isEnded = true;
  }
}

function isCut(error: unknown): boolean {
  const { ConnectionReset, BrokenPipe, Interrupted, BadResource } = Deno.errors;
  return [ConnectionReset, BrokenPipe, Interrupted, BadResource].some((it) => error instanceof it);
}

async function firstRecord(url: string): Promise<string> {
  using peer = await StuckPeer.connect(`${url}?topic=handshakes&consumerGroup=&offset=0`);
  return await peer.read() as string;
}

Deno.test("many malformed handshakes kill neither the listener nor the process", async () => {
  const { kafka, helper } = await sharedKafka();
  await helper.createTopic("handshakes");
  await helper.send([{ topic: "handshakes", value: btoa("hello") }]);
  await using proxy = await ProxyProcess.start({ args: ["--kafka", kafka.bootstrap] });
  await proxy.event("kafka_connected");

  for (const round of ["one by one", "again"]) {
    for (const [name, { bytes, answer }] of Object.entries(MALFORMED)) {
      const raw = await RawConnection.write(proxy.url, bytes);
      if (answer !== "open") {
        await eventually(
          `an answer to ${name} (${round})`,
          () => answer.test(raw.text) || raw.isEnded,
        );
        assert.match(raw.text, answer, name);
      }
      const healthy = await fetch(`${proxy.httpUrl}healthz`);
      assert.equal((await healthy.text(), healthy.status), 200, name);
      assert.equal(raw.isEnded && answer === "open", false, name);
      await raw.close();
    }
    assert.equal(await firstRecord(proxy.url), '[{"message":"hello","offset":0}]');
  }

  const all = Object.values(MALFORMED).flatMap((one) => Array(10).fill(one));
  const open = await Promise.all(all.map(({ bytes }) => RawConnection.write(proxy.url, bytes)));
  assert.equal(await firstRecord(proxy.url), '[{"message":"hello","offset":0}]');
  await Promise.all(open.map((raw) => raw.close()));
  assert.equal(await firstRecord(proxy.url), '[{"message":"hello","offset":0}]');

  const errors = proxy.log.filter(({ level }) => level === "error");
  assert.deepEqual(errors, [], "what clients do wrong is no error of ours");
  proxy.signal("SIGTERM");
  const { code, otherLines } = await proxy.ended();
  assert.deepEqual([code, otherLines.length], [0, 1], otherLines.join("\n"));
});
