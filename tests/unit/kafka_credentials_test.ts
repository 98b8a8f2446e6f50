import assert from "node:assert/strict";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { KafkaCredentials } from "../../src/kafka/kafka_credentials.ts";
import type { KafkaJsLogger } from "../../src/kafka/kafkajs_internals.ts";
import { Refusals } from "../../src/kafka/refusals.ts";
import { SecretFile } from "../../src/kafka/secret_file.ts";

/** Files in memory; a missing one throws as the runtime does. */
class Files {
  readonly texts = new Map<string, string>();
  reads = 0;

  readonly read = (path: string): Promise<string> => {
    this.reads++;
    const text = this.texts.get(path);
    return text === undefined
      ? Promise.reject(new Deno.errors.NotFound(`no such file: ${path}`))
      : Promise.resolve(text);
  };
}

const SILENT: KafkaJsLogger = {
  namespace: () => SILENT,
  error: () => {},
  warn: () => {},
  info: () => {},
  debug: () => {},
};

const refusal = (code: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ProxyError);
  assert.equal(error.code, code);
  assert.match(error.message, message);
  return true;
};

Deno.test("SecretFile.text() is read anew each time, less one line break", async () => {
  const files = new Files();
  const file = new SecretFile("/p", "the password's file", files.read);
  files.texts.set("/p", "one\r\n");
  assert.equal(await file.text(), "one");
  files.texts.set("/p", "two\n\n");
  assert.equal(await file.text(), "two\n");
});

Deno.test("SecretFile.text() gives the last one, a file that is gone or empty for a moment", async () => {
  const files = new Files();
  const file = new SecretFile("/p", "the password's file", files.read);
  files.texts.set("/p", "one");
  await file.text();
  files.texts.delete("/p");
  assert.equal(await file.text(), "one");
  files.texts.set("/p", "\n");
  assert.equal(await file.text(), "one");
});

Deno.test("SecretFile.text() throws kafka_auth_failed with path and reason, never any text", async () => {
  const file = new SecretFile("/p", "the password's file", new Files().read);
  await assert.rejects(
    () => file.text(),
    refusal("kafka_auth_failed", /^Cannot read the password's file "\/p": no such file/),
  );
});

Deno.test("KafkaCredentials.access() shows the files' certificates, and another fingerprint for others", async () => {
  const files = new Files();
  for (const name of ["ca", "cert", "key"]) files.texts.set(`/${name}`, `the ${name}`);
  const tls = { caFile: "/ca", certFile: "/cert", keyFile: "/key" };
  const credentials = new KafkaCredentials({ tls }, () => {}, files.read);
  const before = await credentials.access();
  assert.deepEqual(before.tls, { ca: "the ca", cert: "the cert", key: "the key" });
  assert.equal(before.sasl, undefined);
  assert.equal((await credentials.access()).fingerprint, before.fingerprint);
  files.texts.set("/cert", "another cert");
  assert.notEqual((await credentials.access()).fingerprint, before.fingerprint);
});

Deno.test("KafkaCredentials.access() trusts what the runtime trusts, TLS without files", async () => {
  assert.deepEqual((await new KafkaCredentials({ tls: {} }).access()).tls, {});
});

Deno.test("KafkaCredentials.access() reads the secret anew at each authentication of one connection", async () => {
  const files = new Files();
  files.texts.set("/password", "one-secret");
  const secrets: string[] = [];
  const credentials = new KafkaCredentials(
    { sasl: { mechanism: "plain", user: "alice", passwordFile: "/password" } },
    (secret) => secrets.push(secret),
    files.read,
  );
  const { sasl } = await credentials.access();
  const sent: string[] = [];
  const saslAuthenticate = async (exchange: unknown) => {
    const { request } = exchange as { request: { encode(): Promise<Uint8Array> } };
    sent.push(new TextDecoder().decode(await request.encode()).slice(4));
  };
  const provider = sasl!.authenticationProvider({
    host: "localhost",
    port: 9092,
    logger: SILENT,
    saslAuthenticate,
  });
  await provider.authenticate();
  files.texts.set("/password", "two-secret");
  await provider.authenticate();
  assert.deepEqual(sent, ["\0alice\0one-secret", "\0alice\0two-secret"]);
  assert.ok(secrets.includes("one-secret") && secrets.includes("two-secret"));
});

function refused(): never {
  const error = new Error("SASL PLAIN authentication failed: no");
  error.name = "KafkaJSSASLAuthenticationError";
  throw error;
}

const connect = (outcome: () => unknown) => () => Promise.resolve().then(outcome);

Deno.test("Refusals.pass() asks once in a pause that grows to 30 s, the same credentials", async () => {
  let nowMs = 0;
  let asked = 0;
  const refusals = new Refusals(() => nowMs);
  const ask = () =>
    refusals.pass(
      "broker:1",
      "same",
      connect(() => {
        asked++;
        refused();
      }),
    );
  for (; nowMs < 600_000; nowMs += 100) {
    await assert.rejects(
      ask,
      refusal("kafka_auth_failed", /broker:1 does not accept .* SASL PLAIN/),
    );
  }
  assert.ok(asked >= 20 && asked <= 50, `${asked} times in ten minutes`);
  assert.deepEqual(refusals.addresses, ["broker:1"]);
});

Deno.test("Refusals.pass() tries other credentials at once, and other brokers", async () => {
  const refusals = new Refusals(() => 0);
  await assert.rejects(() => refusals.pass("broker:1", "old", connect(refused)));
  assert.equal(await refusals.pass("broker:2", "old", connect(() => "two")), "two");
  assert.equal(await refusals.pass("broker:1", "new", connect(() => "one")), "one");
  assert.deepEqual(refusals.addresses, []);
  assert.equal(await refusals.pass("broker:1", "old", connect(() => "again")), "again");
});

Deno.test("Refusals.pass() passes other failures on, and forgets a broker that cannot be reached", async () => {
  const refusals = new Refusals(() => 0);
  await assert.rejects(() => refusals.pass("broker:1", "a", connect(refused)));
  const away = new Error("Connection refused");
  await assert.rejects(
    () => refusals.pass("broker:1", "b", connect(() => Promise.reject(away))),
    (error) => error === away,
  );
  assert.deepEqual(refusals.addresses, []);
});

Deno.test("Refusals.pass() takes a TLS alert about our certificate for a refusal", async () => {
  const refusals = new Refusals(() => 0);
  const alert = new Error("Connection error: received fatal alert: CertificateRequired");
  await assert.rejects(
    () => refusals.pass("broker:1", "a", connect(() => Promise.reject(alert))),
    refusal("kafka_auth_failed", /CertificateRequired/),
  );
});
