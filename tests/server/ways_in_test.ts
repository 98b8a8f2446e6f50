import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { settingsFromOptions } from "../../src/config/library_options.ts";
import { ALL_RIGHTS } from "../../src/core/rights.ts";
import { TOPIC } from "../support/array_reader.ts";
import { RecordClient } from "../support/record_client.ts";
import { httpUpgrade } from "../support/http_upgrade.ts";
import {
  asSubprotocol,
  cheapHash,
  claims,
  forged,
  newKeys,
  nowSeconds,
  signed,
} from "../support/signed_tokens.ts";
import { V2Client } from "../support/v2_client.ts";
import { TestServer } from "./test_server.ts";

const SECRET = "thisisapassword";
const KEYS = newKeys("ES256");
const OTHERS = newKeys("ES256");
const HMAC = "a secret that tokens are signed with";
const HASH = await cheapHash("alices password");

/** Rights for the topic of the fake cluster, and a group. */
const RIGHTS = { consume: [TOPIC], group: ["g*"] };

const SERVER = {
  auth: SECRET,
  users: { alice: { password: HASH, rights: RIGHTS } },
  jwtKey: KEYS.pem,
  jwtSecret: HMAC,
  jwtAudience: ["us"],
  jwtIssuer: "https://issuer.example",
  jwtToleranceSeconds: 5,
};

const GOOD = claims({ iss: SERVER.jwtIssuer, kafka: RIGHTS });

/** What a client sends beside the request itself. */
interface Sent {
  readonly headers?: Record<string, string>;
  readonly query?: string;
}

/** A way in, and the answer it gets. */
interface Way {
  readonly what: string;
  readonly sent: (server: TestServer) => Sent | Promise<Sent>;
  /** Absent: it is let in. */
  readonly refused?: {
    readonly status: number;
    readonly code: string;
    readonly message: RegExp;
  };
  /** Where it does not make sense. */
  readonly not?: readonly Protocol[];
}

const bearer = (token: string): Sent => ({ headers: { Authorization: `Bearer ${token}` } });
const basic = (text: string): Sent => ({
  headers: { Authorization: `Basic ${Buffer.from(text).toString("base64")}` },
});
const token = (payload: Record<string, unknown>, header = {}) =>
  signed(KEYS, { ...GOOD, ...payload }, header);
const issued = (server: TestServer, rights?: Record<string, unknown>) =>
  server.access.tickets.issue({ name: "carol", rights: [ALL_RIGHTS], may: () => true }, rights)
    .ticket;

const unauthorized = (why: RegExp) => ({ status: 401, code: "unauthorized", message: why });
const tokenRefused = (why: string) =>
  unauthorized(new RegExp(`^Cannot authenticate: the token is refused: ${why}$`));

const WAYS: readonly Way[] = [
  {
    what: "no credential",
    sent: () => ({}),
    refused: unauthorized(/^Cannot authenticate: the Authorization header is missing, wanted /),
  },
  { what: "the secret as it is", sent: () => ({ headers: { Authorization: `basic ${SECRET}` } }) },
  { what: "the secret as a password", sent: () => basic(`anybody:${SECRET}`) },
  {
    what: "a wrong secret",
    sent: () => ({ headers: { Authorization: "basic thisisapasswore" } }),
    refused: unauthorized(/^Cannot authenticate: the credentials are wrong, wanted /),
  },
  {
    what: "a malformed header",
    sent: () => ({ headers: { Authorization: "Basic %%%" } }),
    refused: unauthorized(/^Cannot authenticate: the credentials are wrong, wanted /),
  },
  {
    what: "another scheme",
    sent: () => ({ headers: { Authorization: "Digest username=alice" } }),
    refused: unauthorized(/^Cannot authenticate: the credentials are wrong, wanted /),
  },
  { what: "a user's password", sent: () => basic("alice:alices password") },
  {
    what: "a user's wrong password",
    sent: () => basic("alice:bobs password"),
    refused: unauthorized(/^Cannot authenticate: the credentials are wrong, wanted /),
  },
  {
    what: "a user who does not exist",
    sent: () => basic("mallory:alices password"),
    refused: unauthorized(/^Cannot authenticate: the credentials are wrong, wanted /),
  },
  { what: "a token", sent: async () => bearer(await token({})) },
  {
    what: "a token as a subprotocol",
    sent: async () => ({
      headers: { "Sec-WebSocket-Protocol": `${asSubprotocol(await token({}))}, kafka-proxy.v1` },
    }),
  },
  { what: "a token signed with the shared secret", sent: () => bearer(hmacToken("HS256")) },
  {
    what: "a token barely expired",
    sent: async () => bearer(await token({ exp: nowSeconds() - 2 })),
  },
  {
    what: "a token in the URL, switched off",
    sent: async () => ({ query: `access_token=${await token({})}` }),
    refused: unauthorized(/the Authorization header is missing/),
  },
  {
    what: "text for a token",
    sent: () => bearer("token"),
    refused: tokenRefused("it is malformed"),
  },
  {
    what: "an empty token",
    sent: () => ({ query: "ticket=" }),
    refused: unauthorized(/^Cannot authenticate: there is no token in the parameter "ticket"$/),
  },
  {
    what: "a subprotocol that is no base64url",
    sent: () => ({ headers: { "Sec-WebSocket-Protocol": "bearer.!!!, kafka-proxy.v1" } }),
    refused: unauthorized(/^Cannot authenticate: there is no token in the subprotocol$/),
  },
  {
    what: "an expired token",
    sent: async () => bearer(await token({ exp: nowSeconds() - 60 })),
    refused: { ...tokenRefused("it has expired"), code: "expired" },
  },
  {
    what: "a token that is not valid yet",
    sent: async () => bearer(await token({ nbf: nowSeconds() + 60 })),
    refused: tokenRefused("it is not valid yet"),
  },
  {
    what: "a token for another audience",
    sent: async () => bearer(await token({ aud: "them" })),
    refused: tokenRefused("it is for another audience"),
  },
  {
    what: "a token without an audience",
    sent: async () => bearer(await token({ aud: undefined })),
    refused: tokenRefused('it has no claim "aud"'),
  },
  {
    what: "a token of another issuer",
    sent: async () => bearer(await token({ iss: "https://other.example" })),
    refused: tokenRefused("it is of another issuer"),
  },
  {
    what: "a token that never expires",
    sent: async () => bearer(await token({ exp: undefined })),
    refused: tokenRefused('it has no claim "exp"'),
  },
  {
    what: "a token of nobody",
    sent: async () => bearer(await token({ sub: undefined })),
    refused: tokenRefused('it has no claim "sub"'),
  },
  {
    what: "a token with rights that are none",
    sent: async () => bearer(await token({ kafka: { everything: true } })),
    refused: tokenRefused('its claim "kafka" is not understood'),
  },
  {
    what: "a token signed by somebody else",
    sent: async () => bearer(await signed(OTHERS, GOOD)),
    refused: tokenRefused("its signature is wrong"),
  },
  {
    what: "a token of algorithm none",
    sent: () => bearer(forged({ alg: "none" }, GOOD)),
    refused: tokenRefused("no key of this server fits its algorithm and key id"),
  },
  {
    what: "a token of algorithm NONE, signed",
    sent: () => bearer(forged({ alg: "NONE" }, GOOD, HMAC)),
    refused: tokenRefused("no key of this server fits its algorithm and key id"),
  },
  {
    what: "a token whose HMAC key is our public key",
    sent: () => bearer(forged({ alg: "HS256" }, GOOD, KEYS.pem)),
    refused: tokenRefused("its signature is wrong"),
  },
  {
    what: "a token whose algorithm is that of another kind of key",
    sent: () => bearer(forged({ alg: "RS256" }, GOOD, HMAC)),
    refused: tokenRefused("no key of this server fits its algorithm and key id"),
  },
  {
    what: "a token that brings its own key",
    sent: async () =>
      bearer(
        await signed(OTHERS, GOOD, {
          jwk: OTHERS.publicKey.export({ format: "jwk" }),
        }),
      ),
    refused: tokenRefused("its signature is wrong"),
  },
  {
    what: "a token without rights",
    sent: async () => bearer(await token({ kafka: undefined })),
    refused: {
      status: 404,
      code: "unknown_topic",
      message: new RegExp(`^Cannot read "${TOPIC}": there is no such topic$`),
    },
    not: ["v2", "HTTP"],
  },
  {
    what: "a token for another topic",
    sent: async () => bearer(await token({ kafka: { consume: ["other"], group: ["*"] } })),
    refused: { status: 404, code: "unknown_topic", message: /there is no such topic$/ },
    not: ["v2", "HTTP"],
  },
  {
    what: "a token that may only write",
    sent: async () => bearer(await token({ kafka: { produce: [TOPIC], group: ["*"] } })),
    refused: {
      status: 403,
      code: "forbidden",
      message: new RegExp(`^The credentials have no right to consume "${TOPIC}"$`),
    },
    not: ["v2", "HTTP"],
  },
  {
    what: "a token for other groups",
    sent: async () => bearer(await token({ kafka: { consume: ["*"], group: ["h"] } })),
    refused: {
      status: 403,
      code: "forbidden",
      message: /^The credentials have no right to group "g1"$/,
    },
    not: ["v2", "HTTP"],
  },
  { what: "a ticket", sent: (server) => ({ query: `ticket=${issued(server)}` }), not: ["HTTP"] },
  { what: "a ticket as Bearer", sent: (server) => bearer(issued(server)), not: ["HTTP"] },
  {
    what: "a ticket as a subprotocol",
    sent: (server) => ({
      headers: { "Sec-WebSocket-Protocol": `kafka-proxy.v1,${asSubprotocol(issued(server))}` },
    }),
    not: ["HTTP"],
  },
  {
    what: "another topic's ticket",
    sent: (server) => ({ query: `ticket=${issued(server, { consume: ["other"], group: ["*"] })}` }),
    refused: { status: 404, code: "unknown_topic", message: /there is no such topic$/ },
    not: ["v2", "HTTP"],
  },
  {
    what: "a ticket for a ticket",
    sent: (server) => bearer(issued(server)),
    refused: { status: 403, code: "forbidden", message: /^Cannot give a ticket for a ticket$/ },
    not: ["v1", "v2"],
  },
  {
    what: "a used ticket",
    sent: (server) => {
      const ticket = issued(server);
      server.access.tickets.use(ticket);
      return { query: `ticket=${ticket}` };
    },
    refused: unauthorized(/^Cannot authenticate: the ticket is refused: it has been used$/),
  },
  {
    what: "another server's ticket",
    sent: async () => {
      await using other = new TestServer(SERVER);
      return { query: `ticket=${issued(other)}` };
    },
    refused: unauthorized(/^Cannot authenticate: the ticket is refused: its signature is wrong$/),
  },
  {
    what: "a ticket that is half of one",
    sent: () => bearer("kpt1.e30"),
    refused: unauthorized(/^Cannot authenticate: the ticket is refused: it is malformed$/),
  },
  {
    what: "two credentials",
    sent: async (server) => ({ ...bearer(await token({})), query: `ticket=${issued(server)}` }),
    refused: {
      status: 400,
      code: "bad_request",
      message: /in more than one place \(Authorization header, parameter "ticket"\), wanted one$/,
    },
  },
  {
    what: "the right secret from a wrong Origin",
    sent: () => ({
      headers: { Authorization: `basic ${SECRET}`, Origin: "https://evil.example" },
    }),
    refused: {
      status: 403,
      code: "origin_refused",
      message: /^Cannot accept a page of Origin "https:\/\/evil.example": /,
    },
  },
];

function hmacToken(alg: string): string {
  return forged({ alg }, GOOD, HMAC);
}

/** What a client asks for, once it has come in. */
type Protocol = "v1" | "v2" | "HTTP";

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly error: { code: string; message: string } | undefined;
}

/** How each protocol asks, and what tells that somebody is in. */
const PROTOCOLS: Readonly<
  Record<Protocol, {
    readonly letIn: number;
    readonly ask: (server: TestServer, sent: Sent) => Promise<Answer>;
  }>
> = {
  v1: {
    letIn: 101,
    ask: async (server, { headers, query }) => {
      using answer = await httpUpgrade(
        server.at([`topic=${TOPIC}&consumerGroup=g1&offset=0`, query ?? ""].join("&")),
        { headers },
      );
      return answer;
    },
  },
  v2: {
    letIn: 101,
    ask: async (server, { headers, query }) => {
      const offered = headers?.["Sec-WebSocket-Protocol"];
      const protocols = [offered?.replace("kafka-proxy.v1", "kafka-proxy.v2") ?? "kafka-proxy.v2"];
      const url = server.at(query ?? "");
      const { "Sec-WebSocket-Protocol": _, ...others } = headers ?? {};
      using answer = await httpUpgrade(url, {
        headers: { ...others, "Sec-WebSocket-Protocol": protocols[0] },
      });
      return answer;
    },
  },
  HTTP: {
    letIn: 201,
    ask: async (server, { headers, query }) => {
      const url = `${server.httpUrl}/tickets?${query ?? ""}`;
      const answer = await fetch(url, { method: "POST", headers });
      const { error } = await answer.json();
      return { status: answer.status, headers: answer.headers, error };
    },
  },
};

for (const { what, sent, refused, not = [] } of WAYS) {
  for (const protocol of ["v1", "v2", "HTTP"] as const) {
    if (not.includes(protocol)) continue;
    const outcome = refused === undefined ? "lets in" : `answers ${refused.status} to`;
    Deno.test(`${protocol} ${outcome} ${what}`, async () => {
      await using server = new TestServer(SERVER);
      const request = await sent(server);
      const { letIn, ask } = PROTOCOLS[protocol];
      const { status, headers, error } = await ask(server, request);
      assert.deepEqual(server.failures, []);
      assert.equal(status, refused?.status ?? letIn, JSON.stringify(error));
      assert.equal(error?.code, refused?.code);
      if (refused !== undefined) assert.match(`${error?.message}`, refused.message);
      assert.equal(
        headers.get("www-authenticate"),
        status === 401
          ? 'Basic realm="kafka-proxy", charset="UTF-8", Bearer realm="kafka-proxy"'
          : null,
      );
      const secrets = [SECRET, "alices password", ...tokensIn(request)];
      const shown = JSON.stringify([...headers, error]);
      for (const secret of secrets) assert.ok(!shown.includes(secret), `shows ${secret}`);
    });
  }
}

/** What of a request nobody may see again. */
function tokensIn({ headers = {}, query = "" }: Sent): string[] {
  const texts = [...Object.values(headers), query].join(" ");
  return texts.match(/[\w-]{24,}/g) ?? [];
}

Deno.test("v1 takes a token in the URL, switched on", async () => {
  await using server = new TestServer({ ...SERVER, accessTokenInUrl: "on" });
  const { status } = await PROTOCOLS.v1.ask(server, { query: `access_token=${await token({})}` });
  assert.equal(status, 101);
});

/** What a v2 client asks for in a frame, and the rights that it has. */
const FRAMES: readonly {
  readonly what: string;
  readonly rights: Record<string, unknown> | undefined;
  readonly frame: Record<string, unknown>;
  readonly code: string;
}[] = [
  { what: "no rights", rights: undefined, frame: subscribe({}), code: "unknown_topic" },
  {
    what: "rights for another topic",
    rights: { consume: ["other"] },
    frame: subscribe({}),
    code: "unknown_topic",
  },
  {
    what: "rights to write only",
    rights: { produce: [TOPIC] },
    frame: subscribe({}),
    code: "forbidden",
  },
  {
    what: "rights for other groups",
    rights: { consume: ["*"], group: ["h"] },
    frame: subscribe({ group: "g1" }),
    code: "forbidden",
  },
  {
    what: "rights for other encodings",
    rights: { consume: ["*"], encodings: ["text"] },
    frame: subscribe({ encoding: "base64" }),
    code: "forbidden",
  },
  {
    what: "rights to read only",
    rights: { consume: [TOPIC] },
    frame: { type: "produce", topic: TOPIC, records: [{ value: "x" }] },
    code: "forbidden",
  },
];

function subscribe(more: Record<string, unknown>): Record<string, unknown> {
  return { type: "subscribe", topics: [TOPIC], ...more };
}

for (const { what, rights, frame, code } of FRAMES) {
  Deno.test(`v2 answers ${code} to a ${frame.type} with ${what}`, async () => {
    await using server = new TestServer(SERVER);
    const authorization = `Bearer ${await token({ kafka: rights })}`;
    await using client = await V2Client.open(server.at(""), { headers: { authorization } });
    await assert.rejects(client.ask(frame), { code });
    assert.equal(client.closeInfo, undefined, "the socket goes on");
  });
}

Deno.test("v2 renews its credentials with a token of its own, and with nobody else's", async () => {
  await using server = new TestServer(SERVER);
  const authorization = `Bearer ${await token({})}`;
  await using client = await V2Client.open(server.at(""), { headers: { authorization } });
  await client.ask({ type: "auth", token: await token({ exp: nowSeconds() + 600 }) });
  for (
    const [other, code] of [
      [await token({ sub: "bob" }), "forbidden"],
      [issued(server), "forbidden"],
      [await signed(OTHERS, GOOD), "unauthorized"],
    ]
  ) {
    await assert.rejects(client.ask({ type: "auth", token: other }), { code });
  }
});

Deno.test("v1 and v2 end with 4401 when their credentials are withdrawn", async () => {
  await using server = new TestServer(SERVER);
  const headers = basic("alice:alices password").headers;
  await using v2 = await V2Client.open(server.at(""), { headers });
  await using v1 = await RecordClient.open(
    server.at(`topic=${TOPIC}&consumerGroup=&offset=0`),
    { headers },
  );
  server.access.update(settingsFromOptions({ wsPort: 0, kafka: "a:1", ...SERVER, users: {} }));
  for (const client of [v1, v2]) {
    assert.deepEqual(await client.untilClosed(), {
      code: 4401,
      reason: "The credentials were withdrawn",
    });
  }
});

Deno.test("v1 takes a ticket once", async () => {
  await using server = new TestServer(SERVER);
  const query = `ticket=${issued(server)}`;
  const answers = [
    await PROTOCOLS.v1.ask(server, { query }),
    await PROTOCOLS.v1.ask(server, { query }),
  ];
  assert.deepEqual(answers.map(({ status }) => status), [101, 401]);
});

Deno.test("v1 lets everybody in, no credentials configured, whatever they send", async () => {
  await using server = new TestServer();
  for (const authorization of ["Bearer x", "Basic y", "basic z"]) {
    const { status } = await PROTOCOLS.v1.ask(server, { headers: { authorization } });
    assert.equal(status, 101);
  }
});
