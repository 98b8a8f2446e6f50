import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { WebSocket as NodeWebSocket } from "ws";
import { KafkaProxy } from "../../src/mod.ts";
import { CertificateWatch, readCertificate } from "../../src/server/certificate_watch.ts";
import { ensureKafkaJars } from "../kafka/kafka_jars.ts";
import { freePorts } from "../kafka/free_ports.ts";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { TestAuthority } from "../support/certificates.ts";
import { browserTest } from "../support/chromium.ts";
import { EventRecorder } from "../support/event_recorder.ts";
import { eventually } from "../support/eventually.ts";
import { History } from "../support/history.ts";
import { newTopic } from "../support/new_topic.ts";
import { ProxyProcess } from "../support/proxy_process.ts";
import { PYTHON_ADVICE, pythonWith } from "../support/python_tools.ts";
import { RecordClient } from "../support/record_client.ts";
import { ShellCommand } from "../support/shell_command.ts";

const WSCAT = "npx -y wscat@6.1.0";

const sharedKafka = shareKafka();

/** A proxy behind a certificate of its own, and the files of that. */
class TlsProxy implements AsyncDisposable {
  readonly authority = new TestAuthority("tests of kafka-proxy");
  readonly folder: string;
  #proxy: KafkaProxy | undefined;
  /** `wss://localhost:PORT/`. */
  url = "";

  constructor(folder: string) {
    this.folder = folder;
  }

  static async start(topic: string, count: number): Promise<TlsProxy> {
    const { kafka, helper } = await sharedKafka();
    await newTopic(helper, topic);
    await helper.produce({ topic, count });
    const started = new TlsProxy(await Deno.makeTempDir({ prefix: "kafka-proxy-tls-" }));
    await started.writeFiles();
    const proxy = new KafkaProxy({
      wsPort: 0,
      kafka: kafka.bootstrap,
      recordInterval: 0,
      tlsCert: started.certFile,
      tlsKey: started.keyFile,
    });
    started.#proxy = proxy;
    const { port } = await proxy.listen();
    started.url = `wss://localhost:${port}/`;
    await eventually("Kafka", () => proxy.events.count("kafka_connected") > 0);
    return started;
  }

  get certFile(): string {
    return join(this.folder, "cert.pem");
  }

  get keyFile(): string {
    return join(this.folder, "key.pem");
  }

  get caFile(): string {
    return join(this.folder, "ca.pem");
  }

  /** Writes another certificate of the same authority. */
  async writeFiles(): Promise<void> {
    const { cert, key } = this.authority.issue({ name: "proxy" });
    await Deno.writeTextFile(this.certFile, cert);
    await Deno.writeTextFile(this.keyFile, key, { mode: 0o600 });
    await Deno.writeTextFile(this.caFile, this.authority.cert);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#proxy?.close();
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test("TLS: ws that trusts the authority reads, one that does not is refused by itself", async () => {
  await using proxy = await TlsProxy.start("tls-ws", 3);
  const url = `${proxy.url}?topic=tls-ws&consumerGroup=&offset=0`;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = new NodeWebSocket(url, { ca: proxy.authority.cert });
  socket.on("message", (data: Uint8Array) => {
    resolve(data.toString());
    socket.close();
  });
  socket.on("error", reject);
  const closed = new Promise((ended) => socket.on("close", ended));
  assert.match(await promise, /"offset":2\}\]$/);
  await closed;

  const stranger = new NodeWebSocket(url, { ca: new TestAuthority("a stranger").cert });
  const error = await new Promise<Error>((refused) => stranger.on("error", refused));
  assert.match(error.message, /certificate|issuer/i);
});

Deno.test("TLS: wscat prints a topic's frames", async () => {
  await using proxy = await TlsProxy.start("tls-wscat", 3);
  const line = `${WSCAT} --ca "${proxy.caFile}" ` +
    `--connect "${proxy.url}?topic=tls-wscat&consumerGroup=group1"`;
  await using wscat = new ShellCommand(line);
  await wscat.shows(/"offset":2\}\]\n/);
});

const PYTHON = await pythonWith("websockets", (await ensureKafkaJars()).cacheFolder);
if (PYTHON === undefined) console.log(`Skipped, ${PYTHON_ADVICE}: TLS: Python's websockets`);

Deno.test({
  name: "TLS: Python's websockets reads a topic, and gets code and reason of a close",
  ignore: PYTHON === undefined,
  async fn() {
    await using proxy = await TlsProxy.start("tls-python", 3);
    const program = join(proxy.folder, "client.py");
    await Deno.writeTextFile(
      program,
      `import asyncio, ssl, sys, websockets

async def main(url, ca):
    context = ssl.create_default_context(cafile=ca)
    async with websockets.connect(url, ssl=context) as socket:
        print(await socket.recv(), flush=True)
        await socket.send("a v1 client says nothing")
        try:
            await socket.recv()
        except websockets.ConnectionClosed as closed:
            print(closed.rcvd.code, closed.rcvd.reason, flush=True)

asyncio.run(main(*sys.argv[1:]))
`,
    );
    const url = `${proxy.url}?topic=tls-python&consumerGroup=&offset=0`;
    const line = `"${PYTHON}" "${program}" "${url}" "${proxy.caFile}"`;
    const { code, stdout, stderr } = await ShellCommand.run(line);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /"offset":2\}\]\n1008 v1 clients send nothing\n$/);
  },
});

browserTest("TLS: a page in Chromium reads a topic", async (browser) => {
  await using proxy = await TlsProxy.start("tls-browser", 3);
  // The browser has no setting for one more authority; the test before this one checks trust.
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await page.goto(`${proxy.url.replace("wss:", "https:")}healthz`);
  const frame = await page.evaluate((url) =>
    new Promise<string>((resolve, reject) => {
      const socket = new WebSocket(url);
      socket.onmessage = ({ data }) => {
        resolve(data);
        socket.close();
      };
      socket.onclose = ({ code }) => reject(new Error(`closed with ${code}`));
    }), `${proxy.url}?topic=tls-browser&consumerGroup=&offset=0`);
  assert.match(frame, /"offset":2\}\]$/);
});

Deno.test("TLS: the server says wss:// in its log, and what is wrong with a file that is none", async () => {
  const { kafka } = await sharedKafka();
  await using proxy = await TlsProxy.start("tls-log", 0);
  const args = ["--kafka", kafka.bootstrap, "--tls-cert", proxy.certFile, "--tls-key"];
  const permissions = ["-P=server", `--allow-read=${proxy.folder}`];
  await using started = await ProxyProcess.start({ args: [...args, proxy.keyFile], permissions });
  assert.match(started.url, /^wss:\/\/127\.0\.0\.1:\d+\/$/);
  const port = ["--port", "0"];
  const missing = join(proxy.folder, "missing.pem");
  const ended = await ProxyProcess.run({ args: [...args, missing, ...port], permissions });
  assert.equal(ended.code, 1);
  assert.match(ended.otherLines.join("\n"), /cannot listen .*missing\.pem|No such file/);
  const wrong = await ProxyProcess.run({ args: [...args, proxy.certFile, ...port], permissions });
  assert.equal(wrong.code, 1);
  assert.match(wrong.otherLines.join("\n"), /cannot listen/);
});

Deno.test("CertificateWatch reports a changed file once, and one that comes to its end", async () => {
  await using proxy = await TlsProxy.start("tls-watch", 0);
  const files = { certFile: proxy.certFile, keyFile: proxy.keyFile };
  const events = new EventRecorder();
  const watch = new CertificateWatch(files, await readCertificate(files), events, 5);
  const running = watch.run();
  await proxy.writeFiles();
  await eventually("the event", () => events.of("certificate_changed").length > 0);
  await Deno.remove(proxy.keyFile);
  await proxy.writeFiles();
  await eventually("more looks", () => events.of("certificate_changed").length === 1);
  watch.stop();
  await running;
  assert.deepEqual(events.of("certificate_changed").map(({ file }) => file), [proxy.certFile]);
  assert.deepEqual(events.of("certificate_ends"), []);

  const soon = { ...proxy.authority.issue({ name: "soon", days: 3 }) };
  const ending = new CertificateWatch(files, soon, events, 5);
  ending.stop();
  await ending.run();
  assert.deepEqual(events.of("certificate_ends").map(({ days }) => days), [2]);
});

Deno.test("TLS: another certificate by a rolling restart under load: clients go on, nothing is lost", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "tls-rolling";
  await using proxy = await TlsProxy.start(topic, 100);
  const [port] = freePorts(1);
  const start = () =>
    ProxyProcess.start({
      args: ["--kafka", kafka.bootstrap, "--port", `${port}`, "--reuse-port", "on"]
        .concat("--tls-cert", proxy.certFile, "--tls-key", proxy.keyFile),
      permissions: ["-P=server", `--allow-read=${proxy.folder}`],
    });
  using client = Deno.createHttpClient({ caCerts: [proxy.authority.cert] });
  const url = `wss://localhost:${port}/?topic=${topic}&consumerGroup=`;
  const histories = Array.from({ length: 5 }, () => new History({ from: 0n }));
  const stopping = new AbortController();
  let connections = 0;

  /** Comes back with the next offset, whenever it is closed, as a client is told to. */
  const reading = async (history: History) => {
    while (!stopping.signal.aborted) {
      const offset = history.next() ?? 0n;
      const options = { history, keep: false, client };
      const reader = await RecordClient.open(`${url}&offset=${offset}`, options)
        .catch(() => undefined);
      if (reader === undefined) continue;
      connections++;
      const stop = () => void reader.close();
      stopping.signal.addEventListener("abort", stop);
      await reader.closed;
      stopping.signal.removeEventListener("abort", stop);
      reader.verify();
    }
  };

  await using older = await start();
  await older.event("kafka_connected");
  const all = histories.map(reading);
  await using producing = await helper.backgroundProduce({ topic, ratePerSecond: 1_000 });
  const reached = (offset: bigint) =>
    eventually(
      `all to reach ${offset}`,
      () => histories.every((it) => (it.next() ?? 0n) > offset),
      {
        timeoutMs: 30_000,
      },
    );
  await reached(1_000n);
  const [served] = await peerCertificate(port);
  await proxy.writeFiles();
  await using newer = await start();
  await newer.event("kafka_connected");
  older.signal("SIGTERM");
  assert.equal((await older.ended()).code, 0);
  const { next = 0n } = { next: histories[0].next() };
  await reached(next + 1_000n);
  assert.notEqual((await peerCertificate(port))[0], served, "the new certificate is served");
  const { count } = await producing.stop();
  await reached(BigInt(100 + count - 1));
  stopping.abort();
  await Promise.all(all);
  for (const history of histories) history.verify();
  assert.ok(connections >= 10, `${connections} connections in all`);
});

/** Fingerprints of the certificate a listener shows now. */
async function peerCertificate(port: number): Promise<[string]> {
  const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false });
  await new Promise((resolve, reject) => {
    socket.once("secureConnect", resolve);
    socket.once("error", reject);
  });
  const { raw } = socket.getPeerCertificate();
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.destroy();
  await closed;
  return [Buffer.from(raw).toString("hex")];
}
