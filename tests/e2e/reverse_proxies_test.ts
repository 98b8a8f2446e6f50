import assert from "node:assert/strict";
import { join } from "node:path";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { freePorts } from "../kafka/free_ports.ts";
import { TestAuthority } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { newTopic } from "../support/new_topic.ts";
import { RecordClient } from "../support/record_client.ts";
import { startProxy } from "../support/test_proxy.ts";

const CONFIGS = new URL("../support/reverse_proxies/", import.meta.url);

/** A reverse proxy, and how it is started with its configuration. */
const FRONTS = [
  {
    program: "nginx",
    config: "nginx.conf",
    args: (file: string, folder: string) => ["-c", file, "-p", folder],
  },
  {
    program: "caddy",
    config: "Caddyfile",
    args: (file: string) => ["run", "--config", file, "--adapter", "caddyfile"],
  },
];

const sharedKafka = shareKafka();

async function isInstalled(program: string): Promise<boolean> {
  try {
    await new Deno.Command(program, { args: ["version"], stdin: "null" }).output();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** One in front of `upstream`, with TLS, until disposed. */
class Front implements AsyncDisposable {
  readonly url: string;
  readonly #child: Deno.ChildProcess;
  readonly #folder: string;

  private constructor(url: string, child: Deno.ChildProcess, folder: string) {
    this.url = url;
    this.#child = child;
    this.#folder = folder;
  }

  static async start(
    { program, config, args }: typeof FRONTS[number],
    upstream: string,
    authority: TestAuthority,
  ): Promise<Front> {
    const folder = await Deno.makeTempDir({ prefix: "kafka-proxy-front-" });
    const { cert, key } = authority.issue({ name: program });
    await Deno.writeTextFile(join(folder, "cert.pem"), cert);
    await Deno.writeTextFile(join(folder, "key.pem"), key);
    const [port] = freePorts(1);
    const text = (await Deno.readTextFile(new URL(config, CONFIGS)))
      .replaceAll("FOLDER", folder).replaceAll("PORT", `${port}`).replaceAll("UPSTREAM", upstream);
    const file = join(folder, config);
    await Deno.writeTextFile(file, text);
    const child = new Deno.Command(program, {
      args: args(file, folder),
      env: { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const front = new Front(`wss://localhost:${port}/`, child, folder);
    try {
      await eventually(`${program} to listen`, async () => {
        const connection = await Deno.connect({ hostname: "127.0.0.1", port }).catch(() => {});
        connection?.close();
        return connection !== undefined;
      });
    } catch (error) {
      await front[Symbol.asyncDispose]();
      throw error;
    }
    return front;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#child.status;
    await Deno.remove(this.#folder, { recursive: true });
  }
}

for (const front of FRONTS) {
  const { program } = front;
  const name = `behind ${program}: records, refusals, close codes and a page's Origin pass`;
  const ignore = !await isInstalled(program) && Deno.env.get("CI") !== "true";
  if (ignore) {
    console.log(`Skipped, ${program} is not installed (apt-get install ${program}): ${name}`);
  }
  Deno.test({
    name,
    ignore,
    async fn() {
      const { kafka, helper } = await sharedKafka();
      const topic = `behind-${program}`;
      await newTopic(helper, topic);
      await helper.produce({ topic, count: 1_000 });
      const fetched = (request: Request) =>
        new URL(request.url).pathname === "/from"
          ? new Response(request.headers.get("x-forwarded-for"))
          : undefined;
      await using proxy = await startProxy({
        kafka: kafka.bootstrap,
        auth: "thisisapassword",
        hooks: { fetch: fetched },
      });
      const authority = new TestAuthority("tests of kafka-proxy");
      const upstream = new URL(proxy.httpUrl).host;
      await using behind = await Front.start(front, upstream, authority);
      using client = Deno.createHttpClient({ caCerts: [authority.cert] });
      const origin = behind.url.replace("wss:", "https:").replace(/\/$/, "");
      const headers = { authorization: "basic thisisapassword", origin };
      const url = `${behind.url}?topic=${topic}&consumerGroup=group1`;

      const older = await RecordClient.open(url, { client, headers });
      await older.until(1_000);
      await helper.produce({ topic, count: 10, startNumber: 1_000 });
      await older.until(1_010);
      older.verify();
      await using newer = await RecordClient.open(url, { client, headers });
      const { code, reason } = await older.untilClosed();
      assert.equal(code, 4409);
      assert.match(reason, /^taken over/);
      newer.send("a v1 client says nothing");
      assert.equal((await newer.untilClosed()).code, 1008);

      const from = await fetch(`${origin}/from`, {
        client,
        headers: { "x-forwarded-for": "203.0.113.9" },
      });
      assert.equal(await from.text(), "127.0.0.1", "a client cannot name its own address");

      const plain = url.replace("wss:", "https:");
      const handshake = {
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      };
      for (
        const [own, status, code] of [
          [{}, 401, "unauthorized"],
          [{ ...headers, origin: "https://elsewhere.example" }, 403, "origin_refused"],
        ] as const
      ) {
        const answer = await refusal(plain, { ...handshake, ...own }, authority);
        assert.equal(answer.status, status);
        assert.equal(answer.code, code);
      }
    },
  });
}

/** `fetch` sends no upgrade: the answer is read from a connection of its own. */
async function refusal(
  url: string,
  headers: Readonly<Record<string, string>>,
  authority: TestAuthority,
): Promise<{ status: number; code: string }> {
  const { hostname, port, host, pathname, search } = new URL(url);
  const connection = await Deno.connectTls({
    hostname,
    port: Number(port),
    caCerts: [authority.cert],
  });
  const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}`);
  const request = `GET ${pathname}${search} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
  await connection.write(new TextEncoder().encode(request));
  let text = "";
  const chunk = new Uint8Array(4_096);
  while (!/\}\s*(0\s*)?$/.test(text)) {
    const count = await connection.read(chunk);
    if (count === null) break;
    text += new TextDecoder().decode(chunk.subarray(0, count));
  }
  connection.close();
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]),
    code: /"code":"(\w+)"/.exec(text)?.[1] ?? "",
  };
}
