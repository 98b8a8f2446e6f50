import { Buffer } from "node:buffer";

/** Where the server is, and how much of it; everything stays on loopback and ends by itself. */
export interface Attack {
  readonly hostname: string;
  readonly port: number;
  /** Path and query of a WebSocket the server accepts. */
  readonly path: string;
  /** How many peers. */
  readonly peers: number;
  /** How much each sends, in bytes, where that is what it is about. */
  readonly bytes?: number;
  /** How long they go on, in ms, where that is what it is about. */
  readonly forMs?: number;
  /** Connections all of them make in a second at most; as many as they can when left out. */
  readonly connectsPerSecond?: number;
  /** Bytes all of them send in a second at most; as many as are taken when left out. */
  readonly bytesPerSecond?: number;
}

const MIB = 1 << 20;

/** What goes out at a time: a peer that is paced sends little often, not much seldom. */
const PART_BYTES = 65_536;

const ZEROS = new Uint8Array(MIB);

/** What the whole process may do in a second; an attack has one of its own. */
class Pace {
  readonly #startMs = performance.now();
  readonly #perSecond: number;
  #taken = 0;

  constructor(perSecond = Infinity) {
    this.#perSecond = perSecond;
  }

  /** Waits for the turn of so much more. */
  async take(amount: number): Promise<void> {
    this.#taken += amount;
    const dueMs = this.#startMs + (this.#taken / this.#perSecond) * 1_000;
    const waitMs = dueMs - performance.now();
    if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}

let connects = new Pace();
let sends = new Pace();

const TEXT = 1;
const BINARY = 2;
const CONTINUATION = 0;
const PING = 9;

/** What hostile peers do; each returns how many of its peers got as far as they wanted. */
export const ATTACKS = {
  /** Half a handshake, and then nothing. */
  halfOpenHandshakes: async (attack: Attack) =>
    await held(attack, async (connection) => {
      await writeAll(connection, `GET ${attack.path} HTTP/1.1\r\nHost: localhost\r\nUpgra`);
    }),

  /** Headers without end. */
  headerFloods: (attack: Attack) =>
    each(attack, async (connection) => {
      await writeAll(connection, `GET ${attack.path} HTTP/1.1\r\nHost: localhost\r\n`);
      const line = Buffer.from(`X-Padding: ${"x".repeat(8_000)}\r\n`);
      const wanted = attack.bytes ?? MIB;
      for (let sent = 0; sent < wanted; sent += line.length) await writeAll(connection, line);
    }),

  /** One frame as large as is told. */
  hugeFrames: (attack: Attack) =>
    each(attack, async (connection) => {
      if (!await upgraded(connection, attack.path)) return false;
      const bytes = attack.bytes ?? 64 * MIB;
      await writeAll(connection, frameHead(true, BINARY, bytes));
      for (let sent = 0; sent < bytes; sent += MIB) {
        await writeAll(connection, ZEROS.subarray(0, Math.min(MIB, bytes - sent)));
      }
      return await isClosed(connection);
    }),

  /** One message in fragments of 1 MiB, which ends. */
  fragments: (attack: Attack) =>
    each(attack, async (connection) => {
      if (!await upgraded(connection, attack.path)) return false;
      const count = Math.ceil((attack.bytes ?? 100 * MIB) / MIB);
      for (let i = 0; i < count; i++) {
        await writeAll(
          connection,
          frameHead(i === count - 1, i === 0 ? BINARY : CONTINUATION, MIB),
        );
        await writeAll(connection, ZEROS);
      }
      return await isClosed(connection);
    }),

  /** Pings as fast as they are taken; the answers are read by nobody. */
  pingFloods: (attack: Attack) =>
    each(attack, async (connection) => {
      if (!await upgraded(connection, attack.path)) return false;
      const ping = Buffer.concat([frameHead(true, PING, 100), Buffer.alloc(100)]);
      const many = Buffer.concat(Array.from({ length: 50 }, () => ping));
      const untilMs = performance.now() + (attack.forMs ?? 2_000);
      while (performance.now() < untilMs) {
        // A server that waits for us to read stops reading; that is what we came for.
        if (!await within(untilMs - performance.now(), writeAll(connection, many))) break;
      }
    }),

  /** Small messages as fast as they are taken. */
  messageFloods: (attack: Attack) =>
    each(attack, async (connection) => {
      if (!await upgraded(connection, attack.path)) return false;
      const message = Buffer.concat([frameHead(true, TEXT, 10), Buffer.alloc(10, 0x61)]);
      const many = Buffer.concat(Array.from({ length: 500 }, () => message));
      const untilMs = performance.now() + (attack.forMs ?? 2_000);
      while (performance.now() < untilMs) {
        if (!await within(untilMs - performance.now(), writeAll(connection, many))) break;
      }
    }),

  /** Come, shake hands or not, and are gone, a few at a time. */
  connectAndDrop: async (attack: Attack) => {
    let done = 0;
    const untilMs = performance.now() + (attack.forMs ?? 10_000);
    const drop = async () => {
      while (done < attack.peers && performance.now() < untilMs) {
        const i = done++;
        const connection = await connect(attack);
        if (connection === undefined) continue;
        try {
          if (i % 3 !== 0) await writeAll(connection, handshake(attack.path));
          if (i % 3 === 2) await connection.read(new Uint8Array(512));
        } catch {
          // It was quicker.
        }
        close(connection);
      }
    };
    await Promise.all(Array.from({ length: 20 }, drop));
    return done;
  },

  /** Shake hands, and never read. */
  neverReading: async (attack: Attack) =>
    await held(attack, async (connection) => {
      await writeAll(connection, handshake(attack.path));
    }),
} satisfies Record<string, (attack: Attack) => Promise<number>>;

/** Name of an attack. */
export type AttackName = keyof typeof ATTACKS;

async function each(
  attack: Attack,
  act: (connection: Deno.TcpConn) => Promise<boolean | void>,
): Promise<number> {
  const outcomes = await Promise.all(Array.from({ length: attack.peers }, async () => {
    const connection = await connect(attack);
    if (connection === undefined) return false;
    try {
      return await act(connection) ?? true;
    } catch {
      return false; // The server has ended it, which it may.
    } finally {
      close(connection);
    }
  }));
  return outcomes.filter(Boolean).length;
}

/** All at a time, held open for `forMs`. */
async function held(
  attack: Attack,
  act: (connection: Deno.TcpConn) => Promise<void>,
): Promise<number> {
  const connections: Deno.TcpConn[] = [];
  for (let i = 0; i < attack.peers;) {
    const batch = Array.from({ length: Math.min(100, attack.peers - i) }, async () => {
      const connection = await connect(attack);
      if (connection === undefined) return;
      connections.push(connection);
      await act(connection).catch(() => {});
    });
    i += batch.length;
    await Promise.all(batch);
  }
  await new Promise((resolve) => setTimeout(resolve, attack.forMs ?? 2_000));
  connections.forEach(close);
  return connections.length;
}

async function connect({ hostname, port }: Attack): Promise<Deno.TcpConn | undefined> {
  await connects.take(1);
  try {
    return await Deno.connect({ hostname, port });
  } catch {
    return undefined;
  }
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // The runtime has closed it already.
  }
}

function handshake(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
}

async function upgraded(connection: Deno.TcpConn, path: string): Promise<boolean> {
  await writeAll(connection, handshake(path));
  const answer = new Uint8Array(12);
  await connection.read(answer);
  return new TextDecoder().decode(answer) === "HTTP/1.1 101";
}

/** Whether the server ends it within a few seconds. */
async function isClosed(connection: Deno.TcpConn): Promise<boolean> {
  const rest = new Uint8Array(65_536);
  const reading = (async () => {
    while (await connection.read(rest).catch(() => null) !== null);
  })();
  return await within(5_000, reading);
}

async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), Math.max(ms, 0));
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Head of a masked frame (RFC 6455 section 5.2); the mask is zero. */
function frameHead(isLast: boolean, opcode: number, bytes: number): Buffer {
  const head = Buffer.alloc(bytes < 126 ? 6 : 14);
  head[0] = (isLast ? 0x80 : 0) | opcode;
  head[1] = 0x80 | (bytes < 126 ? bytes : 127);
  if (bytes >= 126) head.writeBigUInt64BE(BigInt(bytes), 2);
  return head;
}

async function writeAll(connection: Deno.TcpConn, data: string | Uint8Array): Promise<void> {
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  for (let at = 0; at < bytes.length;) {
    const part = bytes.subarray(at, at + PART_BYTES);
    await sends.take(part.length);
    at += await connection.write(part);
  }
}

/** `deno run hostile_peers.ts NAME JSON`: a process of its own, so that no measurement waits for it. */
if (import.meta.main) {
  const [name, text] = Deno.args;
  const attack: Attack = JSON.parse(text);
  connects = new Pace(attack.connectsPerSecond);
  sends = new Pace(attack.bytesPerSecond);
  const reached = await ATTACKS[name as AttackName](attack);
  console.log(reached);
  Deno.exit(0);
}
