/** What one broker says of the cluster: its own view, which lags behind the others' a little. */
export interface BrokerView {
  readonly clusterId: string;
  readonly nodeIds: readonly number[];
  readonly topics: readonly TopicView[];
}

/** A topic in the view of one broker. */
export interface TopicView {
  readonly name: string;
  /** Kafka's error code; 0 when it knows the topic. */
  readonly errorCode: number;
  readonly partitions: readonly { readonly partition: number; readonly leader: number }[];
}

/**
 * Asks one broker (HOST:PORT) by a Metadata request of our own, without a client library: a library
 * would ask any broker it likes.
 *
 * @returns `undefined` when it cannot be reached or does not answer within `timeoutMs`
 */
export async function probeMetadata(
  address: string,
  topics: readonly string[] = [],
  timeoutMs = 1_000,
): Promise<BrokerView | undefined> {
  const [hostname, port] = address.split(":");
  const timeout = new AbortController();
  let connection: Deno.TcpConn | undefined;
  const timer = setTimeout(() => {
    timeout.abort();
    connection?.close();
    connection = undefined;
  }, timeoutMs);
  try {
    connection = await Deno.connect({ hostname, port: Number(port), signal: timeout.signal });
    await connection.write(metadataRequest(topics));
    const size = new DataView((await readExactly(connection, 4)).buffer).getInt32(0);
    return parseMetadata(await readExactly(connection, size));
  } catch {
    // Refused, cut or timed out: whatever it was, the broker is not ready.
    return undefined;
  } finally {
    clearTimeout(timer);
    connection?.close();
  }
}

async function readExactly(connection: Deno.TcpConn, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size;) {
    const read = await connection.read(bytes.subarray(at));
    if (read === null) throw new Error("The broker closed the connection");
    at += read;
  }
  return bytes;
}

/**
 * Metadata v4, header v1: size, api key 3, version, correlation id, client id, topics, and "do not
 * create them".
 */
function metadataRequest(topics: readonly string[]): Uint8Array {
  const names = topics.map((name) => new TextEncoder().encode(name));
  const size = 2 + 2 + 4 + 2 + 4 + 1 + names.reduce((sum, name) => sum + 2 + name.length, 0);
  const bytes = new Uint8Array(4 + size);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, size);
  view.setInt16(4, 3);
  view.setInt16(6, 4);
  view.setInt32(8, 1);
  view.setInt16(12, -1);
  view.setInt32(14, names.length);
  let at = 18;
  for (const name of names) {
    view.setInt16(at, name.length);
    bytes.set(name, at + 2);
    at += 2 + name.length;
  }
  return bytes;
}

function parseMetadata(bytes: Uint8Array): BrokerView {
  const view = new DataView(bytes.buffer);
  let at = 0;
  const int8 = () => view.getInt8((at += 1) - 1);
  const int16 = () => view.getInt16((at += 2) - 2);
  const int32 = () => view.getInt32((at += 4) - 4);
  const string = () => {
    const length = Math.max(int16(), 0);
    return new TextDecoder().decode(bytes.subarray(at, at += length));
  };
  const array = <T>(item: () => T): T[] => Array.from({ length: int32() }, item);

  int32(); // correlation id
  int32(); // throttle time
  const nodeIds = array(() => {
    const id = int32();
    string(); // host
    int32(); // port
    string(); // rack
    return id;
  });
  const clusterId = string();
  int32(); // controller
  const topics = array(() => {
    const errorCode = int16();
    const name = string();
    int8(); // internal
    const partitions = array(() => {
      int16(); // error code
      const partition = int32();
      const leader = int32();
      array(int32); // replicas
      array(int32); // in sync
      return { partition, leader };
    });
    return { name, errorCode, partitions };
  });
  return { clusterId, nodeIds, topics };
}
