import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { httpUpgrade } from "../support/http_upgrade.ts";
import { newTopic } from "../support/new_topic.ts";
import { ProxyProcess } from "../support/proxy_process.ts";
import { RecordClient } from "../support/record_client.ts";
import {
  asSubprotocol,
  cheapHash,
  claims,
  jwkOf,
  newKeys,
  nowSeconds,
  signed,
} from "../support/signed_tokens.ts";

const sharedKafka = shareKafka();
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const TOPIC = "credentials";
const KEYS = newKeys("RS256");
const OTHER_KEYS = newKeys("ES256");

/** How soon a socket must end when its credentials do, in ms. */
const SOON_MS = 3_000;

let isPrepared = false;

async function prepare(): Promise<string> {
  const { kafka, helper } = await sharedKafka();
  if (!isPrepared) {
    isPrepared = true;
    await newTopic(helper, TOPIC);
    await newTopic(helper, "secrets");
    await helper.produce({ topic: TOPIC, count: 5 });
  }
  return kafka.bootstrap;
}

/** A server with a configuration file that may change. */
class Configured implements AsyncDisposable {
  readonly proxy: ProxyProcess;
  readonly #path: string;
  readonly #kafka: string;

  private constructor(proxy: ProxyProcess, path: string, kafka: string) {
    this.proxy = proxy;
    this.#path = path;
    this.#kafka = kafka;
  }

  static async start(settings: Record<string, unknown>): Promise<Configured> {
    const kafka = await prepare();
    const path = await Deno.makeTempFile({ prefix: "kafka-proxy-", suffix: ".yaml" });
    await Deno.writeTextFile(path, stringify({ kafka, ...settings }));
    const permissions = ["-P=server", `--allow-read=${path}`];
    const proxy = await ProxyProcess.start({ args: ["--config", path], permissions });
    await proxy.event("kafka_connected");
    return new Configured(proxy, path, kafka);
  }

  /** Changes the file, and has the server read it. */
  async change(settings: Record<string, unknown>): Promise<void> {
    const before = this.proxy.events("settings_reloaded").length;
    await Deno.writeTextFile(this.#path, stringify({ kafka: this.#kafka, ...settings }));
    this.proxy.signal("SIGHUP");
    await this.proxy.event(
      "settings_reloaded",
      () => this.proxy.events("settings_reloaded").length > before,
    );
  }

  at(query: string): string {
    return `${this.proxy.url}?topic=${TOPIC}&consumerGroup=&offset=0${query}`;
  }

  /** A reader that has got the records there are. */
  async reader(how: { query?: string; authorization?: string; protocols?: string[] }) {
    const { query = "", authorization, protocols } = how;
    const client = await RecordClient.open(this.at(query), {
      headers: authorization === undefined ? {} : { authorization },
      protocols,
    });
    await client.until(5);
    return client;
  }

  async status(authorization: string): Promise<number> {
    using answer = await httpUpgrade(this.at(""), { headers: { authorization } });
    return answer.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
    await Deno.remove(this.#path);
  }
}

const basic = (text: string) => `Basic ${btoa(text)}`;
const RIGHTS = { consume: [TOPIC] };

/** How the client's connection ends, and that it ends soon. */
async function endsSoon(client: RecordClient): Promise<{ code: number; reason: string }> {
  const startMs = performance.now();
  const end = await client.untilClosed();
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs < SOON_MS, `it took ${tookMs} ms`);
  return end;
}

Deno.test("a user who is removed, or has another password, loses the sockets within seconds", async () => {
  const [hash, other] = [await cheapHash("alices"), await cheapHash("changed")];
  const user = { password: hash, rights: RIGHTS };
  await using server = await Configured.start({ users: { alice: user, bob: user, carol: user } });
  await using alice = await server.reader({ authorization: basic("alice:alices") });
  await using bob = await server.reader({ authorization: basic("bob:alices") });
  await using carol = await server.reader({ authorization: basic("carol:alices") });

  await server.change({ users: { bob: { password: other, rights: RIGHTS }, carol: user } });
  for (const client of [alice, bob]) {
    assert.deepEqual(await endsSoon(client), {
      code: 4401,
      reason: "The credentials were withdrawn",
    });
  }
  assert.deepEqual(
    await Promise.all([
      server.status(basic("alice:alices")),
      server.status(basic("bob:alices")),
      server.status(basic("bob:changed")),
      server.status(basic("carol:alices")),
    ]),
    [401, 401, 101, 101],
  );
  await sharedKafka().then(({ helper }) => helper.produce({ topic: TOPIC, count: 1 }));
  await carol.until(6);
  assert.doesNotMatch(JSON.stringify(server.proxy.log), /alices|scrypt/);
});

Deno.test("a token opens, reads what it may and nothing else, and its socket ends with it", async () => {
  await using server = await Configured.start({
    jwtKey: KEYS.pem,
    jwtAudience: "us",
    jwtToleranceSeconds: 0,
  });
  const token = await signed(KEYS, claims({ exp: nowSeconds() + 4, kafka: RIGHTS }));
  await using client = await server.reader({
    protocols: ["kafka-proxy.v1", asSubprotocol(token)],
  });
  for (const topic of ["secrets", "no-such-topic"]) {
    using answer = await httpUpgrade(`${server.proxy.url}?topic=${topic}&consumerGroup=`, {
      headers: { authorization: `Bearer ${token}` },
    });
    assert.deepEqual([answer.status, answer.error], [404, {
      code: "unknown_topic",
      message: `Cannot read "${topic}": there is no such topic`,
    }]);
  }
  const { code, reason } = await client.untilClosed();
  assert.equal(code, 4401);
  assert.match(reason, /^the credentials have expired$/i);
  assert.equal(await server.status(`Bearer ${token}`), 401);
  assert.ok(!JSON.stringify(server.proxy.log).includes(token.slice(-40)));
});

Deno.test("a key that is rotated in lets in at once, and one that is taken out ends its sockets", async () => {
  const [one, other] = [jwkOf(KEYS, "one"), jwkOf(OTHER_KEYS, "other")];
  const set = (...keys: unknown[]) => ({ jwtKey: JSON.stringify({ keys }), jwtAudience: "us" });
  await using server = await Configured.start(set(one));
  const tokens = [
    await signed(KEYS, claims({ kafka: RIGHTS }), { kid: "one" }),
    await signed(OTHER_KEYS, claims({ kafka: RIGHTS }), { kid: "other" }),
  ].map((token) => `Bearer ${token}`);
  await using first = await server.reader({ authorization: tokens[0] });
  assert.equal(await server.status(tokens[1]), 401);

  await server.change(set(one, other));
  await using second = await server.reader({ authorization: tokens[1] });
  assert.equal(await server.status(tokens[0]), 101);

  await server.change(set(other));
  assert.equal((await endsSoon(first)).code, 4401);
  assert.equal(await server.status(tokens[0]), 401);
  assert.equal(await server.status(tokens[1]), 101);
  second.verify();
});

Deno.test("a ticket opens once, with the rights it was narrowed to, and is revoked with its socket", async () => {
  const auth = "thisisapassword";
  await using server = await Configured.start({ auth });
  const headers = { authorization: `basic ${auth}` };
  const get = async (body: unknown) => {
    const answer = await fetch(`${server.proxy.httpUrl}tickets`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    assert.equal(answer.status, 201);
    return await answer.json() as { ticket: string; id: string };
  };
  const { ticket, id } = await get(RIGHTS);
  await using client = await server.reader({ query: `&ticket=${ticket}` });
  using again = await httpUpgrade(server.at(`&ticket=${ticket}`));
  assert.deepEqual([again.status, again.error?.message], [
    401,
    "Cannot authenticate: the ticket is refused: it has been used",
  ]);
  const { ticket: others } = await get({ consume: ["secrets"] });
  using elsewhere = await httpUpgrade(server.at(`&ticket=${others}`));
  assert.deepEqual([elsewhere.status, elsewhere.error?.code], [404, "unknown_topic"]);

  const revoked = await fetch(`${server.proxy.httpUrl}tickets/${id}`, {
    method: "DELETE",
    headers,
  });
  assert.equal(revoked.status, 204);
  assert.equal((await endsSoon(client)).code, 4401);
  assert.ok(!JSON.stringify(server.proxy.log).includes(ticket));
});

Deno.test("hash-password makes from standard input what the configuration takes", async () => {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-P=server", "src/main.ts", "hash-password"],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = command.stdin.getWriter();
  await writer.write(new TextEncoder().encode("hunter2 hunter2\n"));
  await writer.close();
  const { code, stdout, stderr } = await command.output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const password = new TextDecoder().decode(stdout).trim();
  await using server = await Configured.start({ users: { alice: { password, rights: RIGHTS } } });
  assert.deepEqual(
    await Promise.all([
      server.status(basic("alice:hunter2 hunter2")),
      server.status(basic("alice:hunter2")),
    ]),
    [101, 401],
  );
});
