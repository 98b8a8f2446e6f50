import { Buffer } from "node:buffer";

/** A request to become a WebSocket, as a test wants it. */
export interface UpgradeRequest {
  /** @default {"GET"} */
  readonly method?: string;
  /** Over the usual ones of a handshake, whatever their case; `undefined` leaves one out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** @default {10000} */
  readonly timeoutMs?: number;
}

/** The server's answer. */
export interface UpgradeAnswer extends Disposable {
  readonly status: number;
  readonly headers: Headers;
  /** Empty after 101. */
  readonly body: string;
  /** The body's `error`: `{"error":{"code":"unknown_topic","message":"..."}}`. */
  readonly error: { code: string; message: string; [detail: string]: unknown } | undefined;
  /** After 101: nothing of it has been read but the answer. Closed by dispose. */
  readonly connection: Deno.TcpConn;
}

/**
 * Asks for an upgrade over bare TCP and gives the answer, which Deno's WebSocket hides: status,
 * headers and body of a refusal, or after 101 the connection itself, which nobody reads from.
 *
 * ```ts ignore
 * using answer = await httpUpgrade(`${proxy.url}?topic=missing`);
 * assert.equal(answer.status, 404);
 * assert.equal(answer.error?.code, "unknown_topic");
 * ```
 *
 * Ownership: the caller disposes the answer, which closes the connection. With bytes that were not
 * read the operating system sends RST, not FIN: to the server the client has vanished.
 *
 * @throws {Error} when there is no answer in time
 */
export async function httpUpgrade(
  url: string | URL,
  { method = "GET", headers = {}, timeoutMs = 10_000 }: UpgradeRequest = {},
): Promise<UpgradeAnswer> {
  const { hostname, port, host, pathname, search } = new URL(url);
  const sent = new Map<string, string>([
    ["host", host],
    ["connection", "Upgrade"],
    ["upgrade", "websocket"],
    ["sec-websocket-version", "13"],
    ["sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="],
  ]);
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) sent.delete(name.toLowerCase());
    else sent.set(name.toLowerCase(), value);
  }
  const lines = [...sent].map(([name, value]) => `${name}: ${value}\r\n`);
  const request = `${method} ${pathname}${search} HTTP/1.1\r\n${lines.join("")}\r\n`;

  const bare = hostname.replace(/^\[|\]$/g, "");
  const connection = await Deno.connect({ hostname: bare, port: Number(port) });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`No answer within ${timeoutMs} ms to ${method} ${pathname}${search}`);
    timer = setTimeout(() => reject(error), timeoutMs);
  });
  const exchange = async () => {
    await writeAll(connection, Buffer.from(request));
    return await readAnswer(connection, method);
  };
  const answering = exchange();
  try {
    return await Promise.race([answering, late]);
  } catch (error) {
    connection.close();
    await answering.catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function readAnswer(connection: Deno.TcpConn, method: string): Promise<UpgradeAnswer> {
  // One byte at a time: what comes after the answer is to stay in the kernel.
  const head = await readUntil(connection, Buffer.alloc(0), (bytes) => endsWith(bytes), 1);
  const [statusLine, ...fields] = head.toString("latin1").trimEnd().split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]);
  const headers = new Headers(
    fields.map((field): [string, string] => {
      const [name, value] = field.split(/:\s*(.*)/s);
      return [name, value];
    }),
  );
  const length = Number(headers.get("content-length") ?? 0);
  if (headers.has("transfer-encoding")) throw new Error("A chunked answer is not read here");
  const hasBody = status !== 101 && status !== 204 && method !== "HEAD";
  const empty = Buffer.alloc(0);
  const bytes = hasBody
    ? await readUntil(connection, empty, (bytes) => bytes.length >= length, 1 << 16)
    : empty;
  const body = bytes.toString("utf8");
  const isJson = headers.get("content-type")?.startsWith("application/json") ?? false;
  return {
    status,
    headers,
    body,
    error: isJson && body !== "" ? JSON.parse(body).error : undefined,
    connection,
    [Symbol.dispose]: () => connection.close(),
  };
}

function endsWith(bytes: Buffer): boolean {
  return bytes.subarray(-4).equals(END_OF_HEAD);
}

const END_OF_HEAD = Buffer.from("\r\n\r\n");

async function readUntil(
  connection: Deno.TcpConn,
  start: Buffer,
  isComplete: (bytes: Buffer) => boolean,
  most: number,
): Promise<Buffer> {
  let bytes = start;
  while (!isComplete(bytes)) {
    const chunk = new Uint8Array(most);
    const count = await connection.read(chunk);
    if (count === null) throw new Error(`The server ended the connection after "${bytes}"`);
    bytes = Buffer.concat([bytes, chunk.subarray(0, count)]);
  }
  return bytes;
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}
