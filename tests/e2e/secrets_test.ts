import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { shareSecuredKafka } from "../kafka/secured_kafka.ts";
import { eventually } from "../support/eventually.ts";
import { httpUpgrade } from "../support/http_upgrade.ts";
import { newTopic } from "../support/new_topic.ts";
import { ProxyProcess } from "../support/proxy_process.ts";
import { RecordClient } from "../support/record_client.ts";

const PLANTED = {
  kafkaPassword: "planted-kafka-password",
  auth: "planted-client-secret",
  wrongAuth: "planted-wrong-secret",
  tokenInAddress: "planted-token-in-address",
  tokenInProtocol: "planted-token-in-protocol",
  bearer: "planted-bearer-token",
  record: "planted-content-of-a-record",
};

const sharedKafka = shareSecuredKafka({ plainUsers: { alice: PLANTED.kafkaPassword } });

/** Everything a server can be made to say, by name. */
async function everything(proxy: ProxyProcess, headers: Record<string, string>) {
  const said: Record<string, string> = {};
  const paths = ["healthz", "readyz", "metrics", "nothing-here"]
    .concat(["me", "topics", "groups", "sessions", "figures"].map((name) => `api/${name}`));
  for (const path of paths) {
    for (const [who, own] of [["anybody", {}], ["principal", headers]] as const) {
      const answer = await fetch(`${proxy.httpUrl}${path}`, { headers: own });
      const head = JSON.stringify([...answer.headers]);
      said[`${path} for ${who}`] = `${answer.status} ${head} ${await answer.text()}`;
    }
  }
  return said;
}

/** No planted text is anywhere, as it is or in base64. */
function checkSaid(said: Record<string, string>, planted: readonly string[]): void {
  for (const [where, text] of Object.entries(said)) {
    for (const secret of planted) {
      const forms = [secret, btoa(secret), btoa(`user:${secret}`).slice(8, -4)];
      forms.push(Buffer.from(secret).toString("base64url"));
      for (const form of forms) {
        assert.ok(!text.includes(form), `${where} shows ${secret}: ${text.slice(0, 2_000)}`);
      }
    }
  }
}

Deno.test("secrets are nowhere: log at debug, HTTP, metrics, /api, closes, and the end of the process", async () => {
  const secured = await sharedKafka();
  const { helper } = secured;
  const topic = "secrets";
  await newTopic(helper, topic);
  for (const [resource, name] of [["TOPIC", topic], ["GROUP", "g-"], ["GROUP", "kafka-proxy."]]) {
    await helper.allow({
      user: "alice",
      resource: resource as "TOPIC" | "GROUP",
      name,
      prefixed: true,
      operations: ["READ"],
    });
  }
  await helper.send([{ topic, value: btoa(PLANTED.record) }]);
  const { cert, key } = secured.authority.issue({ name: "proxy" });
  const keyLines = key.split("\n").slice(1, -2);
  const settings = {
    KAFKA_PROXY_KAFKA: secured.secured,
    KAFKA_PROXY_KAFKA_TLS: "on",
    KAFKA_PROXY_KAFKA_CA: secured.caFile,
    KAFKA_PROXY_KAFKA_CERT: await secured.write("proxy.pem", cert),
    KAFKA_PROXY_KAFKA_KEY: await secured.write("proxy.key", key),
    KAFKA_PROXY_KAFKA_SASL: "plain",
    KAFKA_PROXY_KAFKA_USER: "alice",
    KAFKA_PROXY_AUTH_FILE: await secured.write("auth", `${PLANTED.auth}\n`),
    KAFKA_PROXY_LOG_LEVEL: "debug",
  };
  const permissions = ["-P=server", `--allow-read=${secured.folder}`];
  const said: Record<string, string> = {};
  const right = { authorization: `basic ${PLANTED.auth}` };
  {
    const passwordFile = await secured.write("kafka-password", PLANTED.kafkaPassword);
    await using proxy = await ProxyProcess.start({
      env: { ...settings, KAFKA_PROXY_KAFKA_PASSWORD_FILE: passwordFile },
      permissions,
    });
    await proxy.event("kafka_connected");
    const url = `${proxy.url}?topic=${topic}&offset=earliest&consumerGroup=g-1`;
    const tries: [string, string, Record<string, string>][] = [
      ["nothing", url, {}],
      ["a wrong secret", url, { authorization: `basic ${PLANTED.wrongAuth}` }],
      ["a wrong user", url, { authorization: `Basic ${btoa(`user:${PLANTED.wrongAuth}`)}` }],
      ["a bearer token", url, { authorization: `Bearer ${PLANTED.bearer}` }],
      ["a token in the address", `${url}&access_token=${PLANTED.tokenInAddress}`, {}],
      ["the same, let in", `${url}&access_token=${PLANTED.tokenInAddress}`, right],
      ["a token in the protocols", url, {
        "sec-websocket-protocol": `kafka-proxy.v1, bearer.${
          Buffer.from(PLANTED.tokenInProtocol).toString("base64url")
        }`,
      }],
    ];
    for (const [what, address, headers] of tries) {
      using answer = await httpUpgrade(address, { headers });
      said[what] = `${answer.status} ${JSON.stringify([...answer.headers])} ${answer.body}`;
      // What the client sent may be named to it alone; the log is looked at below.
      if (what === "the same, let in") delete said[what];
    }
    {
      await using client = await RecordClient.open(url, { headers: right });
      await client.until(1);
      Object.assign(said, await everything(proxy, right));
      client.send(PLANTED.bearer);
      const { reason } = await client.untilClosed();
      said.close = reason;
    }
    proxy.signal("SIGTERM");
    const ended = await proxy.ended();
    said.stdout = ended.stdout;
    said["other lines"] = ended.otherLines.join("\n");
    said.log = JSON.stringify(ended.log);
    assert.ok(ended.log.length > 8);
    assert.ok(ended.log.some(({ event, audit }) => event === "session_refused" && audit === true));
  }
  {
    // The file with the wrong one: the brokers refuse it, and that is reported.
    await using proxy = await ProxyProcess.start({
      env: {
        ...settings,
        KAFKA_PROXY_KAFKA_PASSWORD_FILE: await secured.write("wrong", PLANTED.wrongAuth),
      },
      permissions,
    });
    await proxy.event("kafka_auth_failed");
    const refused = await everything(proxy, right);
    for (const [where, text] of Object.entries(refused)) said[`refused: ${where}`] = text;
    proxy.signal("SIGTERM");
    said["refused: log"] = JSON.stringify((await proxy.ended()).log);
  }
  checkSaid(said, [...Object.values(PLANTED), ...keyLines]);
});

Deno.test("secrets are nowhere when the process cannot start: wrong settings, files that are none", async () => {
  const said: Record<string, string> = {};
  const password = { KAFKA_PROXY_KAFKA_PASSWORD: PLANTED.kafkaPassword };
  const starts: [string[], Record<string, string>][] = [
    [["--kafka", "localhost:1", "--kafka-password", PLANTED.kafkaPassword], {}],
    [["--kafka", "localhost:1", `--kafka-password=${PLANTED.kafkaPassword}`], {}],
    [["--kafka", "localhost:1"], password],
    [["--kafka", "localhost:1", "--auth", `${PLANTED.auth}\u0007`], {}],
    [["--kafka", "localhost:1", "--auth", PLANTED.auth, PLANTED.wrongAuth], {}],
    [["--kafka", "localhost:1", "--auth", PLANTED.auth, "--host", "192.0.2.1"], {}],
  ];
  for (const [i, [args, env]] of starts.entries()) {
    const ended = await ProxyProcess.run({ args, env });
    assert.notEqual(ended.code, 0, args.join(" "));
    said[`start ${i}`] = ended.stdout + ended.otherLines.join("\n") + JSON.stringify(ended.log);
  }
  checkSaid(said, Object.values(PLANTED));
  await eventually("all to be looked at", () => Object.keys(said).length === starts.length);
});
