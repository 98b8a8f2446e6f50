import assert from "node:assert/strict";
import type { LibraryOptions } from "../../src/config/library_options.ts";
import { KafkaProxy } from "../../src/mod.ts";
import { type SecuredKafka, shareSecuredKafka } from "../kafka/secured_kafka.ts";
import { TestAuthority } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { httpUpgrade } from "../support/http_upgrade.ts";
import { newTopic } from "../support/new_topic.ts";
import { ProxyProcess } from "../support/proxy_process.ts";
import { startProxy, TestProxy } from "../support/test_proxy.ts";
import { V2Client, type V2RequestError } from "../support/v2_client.ts";

const PLAIN_PASSWORD = "plain-password-of-alice";
const SCRAM_PASSWORD = "scram-password-of-alice";

/** Authentications are renewed every few seconds, so that every test sees some of that. */
const REAUTHENTICATE_MS = 3_000;

const sharedKafka = shareSecuredKafka({
  plainUsers: { alice: PLAIN_PASSWORD },
  reauthenticateMs: REAUTHENTICATE_MS,
});

const mutualKafka = shareSecuredKafka({
  plainUsers: { alice: PLAIN_PASSWORD },
  clientCertificates: true,
});

/** What the proxy needs on the cluster: read topics, read groups, and live in leases. */
async function allowAlice({ helper }: SecuredKafka, topic: string): Promise<void> {
  const user = "alice";
  await helper.allow({ user, resource: "TOPIC", name: topic, operations: ["READ"] });
  await helper.allow({ user, resource: "GROUP", name: "g-", prefixed: true, operations: ["READ"] });
  await helper.allow({
    user,
    resource: "GROUP",
    name: "kafka-proxy.pin.",
    prefixed: true,
    operations: ["READ"],
  });
}

async function setPasswords(secured: SecuredKafka, user: string, password: string): Promise<void> {
  await secured.helper.setPassword({ user, password, mechanism: "SCRAM-SHA-256" });
  await secured.helper.setPassword({ user, password, mechanism: "SCRAM-SHA-512" });
}

/** A token as the broker's own test mechanism takes it: unsigned (RFC 7515, appendix A.5). */
function unsignedToken(subject: string, lifetimeS: number): string {
  const nowS = Math.floor(Date.now() / 1_000);
  const part = (json: unknown) =>
    new TextEncoder().encode(JSON.stringify(json))
      .toBase64({ alphabet: "base64url", omitPadding: true });
  const claims = { sub: subject, iat: nowS - 1, exp: nowS + lifetimeS };
  return `${part({ alg: "none" })}.${part(claims)}.`;
}

/** The proxy's options for a secured cluster, with what is said over them. */
function options(
  secured: SecuredKafka,
  own: Partial<LibraryOptions>,
): Partial<LibraryOptions> & Pick<LibraryOptions, "kafka"> {
  return { kafka: secured.secured, kafkaTls: "on", kafkaCa: secured.caFile, ...own };
}

const SCRAM: Partial<LibraryOptions> = {
  kafkaSasl: "scram-sha-512",
  kafkaUser: "alice",
  kafkaPassword: SCRAM_PASSWORD,
};

/** A proxy that need not become ready. */
async function listening(options: Partial<LibraryOptions> & Pick<LibraryOptions, "kafka">) {
  const proxy = new KafkaProxy({ wsPort: 0, recordInterval: 0, ...options });
  const { port } = await proxy.listen();
  return new TestProxy(proxy, port);
}

async function readiness({ httpUrl }: TestProxy): Promise<{ status: number; reasons: string[] }> {
  const answer = await fetch(`${httpUrl}readyz`);
  return { status: answer.status, reasons: (await answer.json()).reasons };
}

const MECHANISMS: readonly [
  name: string,
  credentials: (secured: SecuredKafka) => Promise<Partial<LibraryOptions>>,
][] = [
  ["plain", () =>
    Promise.resolve({
      kafkaSasl: "plain",
      kafkaUser: "alice",
      kafkaPassword: PLAIN_PASSWORD,
    })],
  ["scram-sha-256", () => Promise.resolve({ ...SCRAM, kafkaSasl: "scram-sha-256" })],
  ["scram-sha-512, the password in a file", async (secured) => ({
    ...SCRAM,
    kafkaPassword: undefined,
    kafkaPasswordFile: await secured.write("password", `${SCRAM_PASSWORD}\n`),
  })],
  ["oauthbearer", async (secured) => ({
    kafkaSasl: "oauthbearer",
    kafkaOauthTokenFile: await secured.write("token", unsignedToken("alice", 600)),
  })],
];

/**
 * A test whose proxy signs in, without the sanitizer of operations. A connection may be proving
 * itself when the proxy closes: keys that are being derived for it cannot be taken back, and are
 * done a moment later.
 */
function signingInTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, fn, sanitizeOps: false });
}

for (const [i, [name, credentials]] of MECHANISMS.entries()) {
  signingInTest(
    `SASL_SSL with ${name}: readers, leases, balanced groups and commits work`,
    async () => {
      const secured = await sharedKafka();
      const { helper } = secured;
      const topic = `mechanism-${i}`;
      await newTopic(helper, topic, { partitions: 2 });
      await allowAlice(secured, topic);
      await setPasswords(secured, "alice", SCRAM_PASSWORD);
      await helper.produce({ topic, count: 1_000, partition: 0 });
      await using proxy = await startProxy(options(secured, await credentials(secured)));
      await using reader = await proxy.read({ topic });
      await using pinned = await proxy.connect({ topic, consumerGroup: `g-pinned-${i}` });
      await using balanced = await proxy.connect({
        topic,
        consumerGroup: `g-balanced-${i}`,
        partition: "all",
      });
      for (const client of [reader, pinned, balanced]) await client.until(1_000);
      await eventually("both groups' positions to be committed", async () => {
        const groups = [`g-pinned-${i}`, `g-balanced-${i}`].map((group) =>
          helper.groupOffsets(group)
        );
        return (await Promise.all(groups)).every((places) =>
          places.some(({ partition, offset }) => partition === 0 && offset === 1_000)
        );
      });
      // Past two renewals of every connection, idle and polling ones.
      const untilMs = performance.now() + 2.5 * REAUTHENTICATE_MS;
      let sent = 1_000;
      await eventually("two renewals", async () => {
        await helper.produce({ topic, count: 10, partition: 0 });
        sent += 10;
        return performance.now() > untilMs;
      }, { timeoutMs: 30_000, everyMs: 200 });
      for (const client of [reader, pinned, balanced]) {
        await client.until(sent);
        client.verify();
      }
      assert.equal(proxy.events.count("kafkajs_error"), 0, "no connection was lost");
      assert.equal(proxy.events.count("kafka_unreachable"), 0);
    },
  );
}

signingInTest(
  "SASL_SSL: v2 clients write where the server may, and are told where it may not",
  async () => {
    const secured = await sharedKafka();
    const { helper } = secured;
    await newTopic(helper, "may-write");
    await newTopic(helper, "may-read");
    for (const topic of ["may-write", "may-read"]) await allowAlice(secured, topic);
    const user = "alice";
    await helper.allow({ user, resource: "TOPIC", name: "may-write", operations: ["WRITE"] });
    await setPasswords(secured, user, SCRAM_PASSWORD);
    await using proxy = await startProxy(options(secured, SCRAM));
    await using client = await V2Client.open(proxy.url);
    const write = async (topic: string) =>
      await client.ask<"produced">({ type: "produce", topic, records: [{ value: "hello" }] });
    const { results } = await write("may-write");
    assert.partialDeepStrictEqual(results, [{ partition: 0, offset: "0" }]);
    await using reader = await proxy.read({ topic: "may-write" });
    await reader.until(1);
    assert.equal(reader.records[0].message, "hello");
    const refused = await write("may-read").then(
      ({ results: [result] }) => result as { code?: string },
      (error: V2RequestError) => error,
    );
    assert.equal(refused.code, "forbidden");
    assert.equal(client.closeInfo, undefined);
  },
);

signingInTest(
  "SASL_SSL with a wrong password: 503 kafka_auth_failed, readiness says so, few tries",
  async () => {
    const secured = await sharedKafka();
    const topic = "wrong-password";
    await newTopic(secured.helper, topic);
    await setPasswords(secured, "alice", SCRAM_PASSWORD);
    await using proxy = await listening(options(secured, { ...SCRAM, kafkaPassword: "wrong-one" }));
    await eventually("the refusal", () => proxy.events.count("kafka_auth_failed") > 0);
    const { status, reasons } = await readiness(proxy);
    assert.equal(status, 503);
    assert.match(reasons[0], /does not accept this server's credentials: SASL SCRAM SHA512/);
    const startMs = performance.now();
    let upgrades = 0;
    await eventually("three seconds of clients", async () => {
      using answer = await httpUpgrade(proxy.at({ topic }));
      assert.equal(answer.status, 503);
      assert.equal(answer.error?.code, "kafka_auth_failed");
      assert.doesNotMatch(answer.body, /wrong-one|alice|localhost/);
      upgrades++;
      return performance.now() - startMs > 3_000;
    }, { everyMs: 10 });
    assert.ok(upgrades > 15, `${upgrades} clients came`);
    const tries = proxy.events.count("kafkajs_error");
    assert.ok(tries <= 6, `the broker was asked ${tries} times in 3 s`);
  },
);

Deno.test(
  "a server with the wrong password says what is wrong on one line, and no secret",
  async () => {
    const secured = await sharedKafka();
    await using proxy = await ProxyProcess.start({
      args: ["--kafka", secured.secured, "--kafka-tls", "on", "--kafka-ca", secured.caFile]
        .concat("--kafka-sasl", "scram-sha-512", "--kafka-user", "alice"),
      env: { KAFKA_PROXY_KAFKA_PASSWORD: "wrong-password-1234" },
      permissions: ["-P=server", `--allow-read=${secured.folder}`],
    });
    const line = await proxy.event("kafka_auth_failed");
    assert.equal(line.level, "error");
    assert.match(String(line.error), /does not accept this server's credentials/);
    assert.match(String(line.error), /SCRAM/);
    assert.ok(!JSON.stringify(proxy.log).includes("wrong-password-1234"));
  },
);

Deno.test(
  "TLS of an unknown authority: 503 kafka_unavailable, and the reason names the certificate",
  async () => {
    const secured = await sharedKafka();
    const stranger = await secured.write("stranger.pem", new TestAuthority("a stranger").cert);
    await using proxy = await listening(options(secured, { ...SCRAM, kafkaCa: stranger }));
    await eventually("the failure", () => proxy.events.count("kafka_unreachable") > 0);
    const { status, reasons } = await readiness(proxy);
    assert.equal(status, 503);
    assert.match(reasons[0], /certificate/i);
    using answer = await httpUpgrade(proxy.at({ topic: "any" }));
    assert.equal(answer.status, 503);
    assert.equal(answer.error?.code, "kafka_unavailable");
  },
);

Deno.test("plain text to a listener of TLS: 503 kafka_unavailable, with a hint", async () => {
  const secured = await sharedKafka();
  await using proxy = await listening({ kafka: secured.secured });
  await eventually("the failure", () => proxy.events.count("kafka_unreachable") > 0);
  const { reasons } = await readiness(proxy);
  assert.match(reasons[0], /TLS/);
});

signingInTest("without the right to read the topic: 403 forbidden, that is all", async () => {
  const secured = await sharedKafka();
  const topic = "no-acl-for-topic";
  await newTopic(secured.helper, topic);
  await setPasswords(secured, "alice", SCRAM_PASSWORD);
  await using proxy = await startProxy(options(secured, SCRAM));
  using answer = await httpUpgrade(proxy.at({ topic, consumerGroup: "" }));
  assert.equal(answer.status, 403);
  assert.equal(answer.error?.code, "forbidden");
  assert.match(answer.error.message, /TOPIC_AUTHORIZATION_FAILED/);
});

for (
  const [what, query, missing] of [
    ["the group, pinned", { consumerGroup: "x-group" }, "x-group"],
    ["the group, balanced", { consumerGroup: "x-group", partition: "all" }, "x-group"],
    ["the leases' groups", { consumerGroup: "g-no-lease" }, "kafka-proxy.pin."],
  ] as const
) {
  signingInTest(
    `without the right to read ${what}: forbidden before or after the upgrade, once`,
    async () => {
      const secured = await sharedKafka();
      const { helper } = secured;
      const topic = `no-acl-${what.replace(/\W+/g, "-")}`;
      await newTopic(helper, topic);
      await helper.produce({ topic, count: 10 });
      await allowAlice(secured, topic);
      const lease = { user: "alice", resource: "GROUP", name: "kafka-proxy.pin.", prefixed: true };
      const rule = { ...lease, resource: "GROUP" as const, operations: ["READ"] as const };
      if (missing === lease.name) await helper.disallow(rule);
      await setPasswords(secured, "alice", SCRAM_PASSWORD);
      await using proxy = await startProxy(options(secured, SCRAM));
      try {
        using answer = await httpUpgrade(proxy.at({ topic, ...query }));
        if (answer.status === 101) {
          const closed = await eventually(
            "the close",
            () => proxy.events.count("session_closed") > 0,
          );
          assert.ok(closed);
          await using client = await proxy.connect({ topic, ...query });
          const { code, reason } = await client.untilClosed();
          assert.equal(code, 4403);
          assert.match(reason, /Kafka says GROUP_AUTH/); // what fits into a close frame
          assert.equal(client.count, 0);
        } else {
          assert.equal(answer.status, 403);
          assert.equal(answer.error?.code, "forbidden");
          assert.match(answer.error.message, /GROUP_AUTHORIZATION_FAILED/);
        }
      } finally {
        if (missing === lease.name) await helper.allow(rule);
      }
    },
  );
}

signingInTest(
  "a password changed under a running server: said clearly, and mended by its file, nothing lost",
  async () => {
    const secured = await sharedKafka();
    const { helper } = secured;
    const topic = "changed-password";
    await newTopic(helper, topic);
    await allowAlice(secured, topic);
    await setPasswords(secured, "alice", SCRAM_PASSWORD);
    const kafkaPasswordFile = await secured.write("changing-password", SCRAM_PASSWORD);
    await using proxy = await startProxy(
      options(secured, { ...SCRAM, kafkaPassword: undefined, kafkaPasswordFile }),
    );
    await using producing = await helper.backgroundProduce({ topic, ratePerSecond: 200 });
    await using client = await proxy.connect({ topic, consumerGroup: "g-changed" });
    await client.until(100);

    await setPasswords(secured, "alice", "another-password");
    await eventually("the refusal", () => proxy.events.count("kafka_auth_failed") > 0, {
      timeoutMs: 30_000,
    });
    const { status, reasons } = await readiness(proxy);
    assert.equal(status, 503);
    assert.match(reasons[0], /does not accept this server's credentials/);
    using answer = await httpUpgrade(proxy.at({ topic, consumerGroup: "" }));
    assert.equal(answer.error?.code, "kafka_auth_failed");

    await secured.write("changing-password", "another-password\n");
    const writtenMs = performance.now();
    await eventually("readiness", async () => (await readiness(proxy)).status === 200, {
      timeoutMs: 15_000,
    });
    const tookMs = performance.now() - writtenMs;
    assert.ok(tookMs < 8_000, `ready ${Math.round(tookMs)} ms after the file was written`);
    const { count } = await producing.stop();
    await client.until(count, { timeoutMs: 30_000 });
    client.verify();
    await using reader = await proxy.read({ topic });
    await reader.until(count);
  },
);

Deno.test(
  "a broker that wants a certificate: works with the right one, and says so without",
  async () => {
    const secured = await mutualKafka();
    const topic = "mutual";
    await newTopic(secured.helper, topic);
    await allowAlice(secured, topic);
    await secured.helper.produce({ topic, count: 10 });
    const { cert, key } = secured.authority.issue({ name: "proxy", hosts: [] });
    const own = {
      kafkaSasl: "plain",
      kafkaUser: "alice",
      kafkaPassword: PLAIN_PASSWORD,
    } as const;
    {
      await using proxy = await startProxy(options(secured, {
        ...own,
        kafkaCert: await secured.write("proxy.pem", cert),
        kafkaKey: await secured.write("proxy.key", key),
      }));
      await using reader = await proxy.read({ topic });
      await reader.until(10);
    }
    await using proxy = await listening(options(secured, own));
    await eventually(
      "the failure",
      () => proxy.events.count("kafka_unreachable") + proxy.events.count("kafka_auth_failed") > 0,
    );
    const { reasons } = await readiness(proxy);
    assert.match(reasons[0], /certificate/i);
  },
);
