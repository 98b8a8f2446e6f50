import assert from "node:assert/strict";
import { TICKET } from "../../src/cli/ticket_command.ts";
import { TOPIC } from "../support/array_reader.ts";
import { FakeShell } from "../support/fake_shell.ts";
import { httpUpgrade } from "../support/http_upgrade.ts";
import { cheapHash, claims, newKeys, signed } from "../support/signed_tokens.ts";
import { TestServer } from "./test_server.ts";

const KEYS = newKeys("EdDSA");
const SERVER = {
  auth: "this is a pässword",
  users: { alice: { password: await cheapHash("alices"), rights: { consume: ["*"] } } },
  jwtKey: KEYS.pem,
  jwtAudience: "us",
};

async function ticket(server: TestServer, args: string[], env: Record<string, string>) {
  const shell = new FakeShell(["--url", server.httpUrl, ...args], { env });
  const code = await TICKET.run(shell, []);
  return { code, printed: shell.printed, complaints: shell.complaints };
}

for (
  const [what, env] of [
    ["the shared secret", { KAFKA_PROXY_AUTH: SERVER.auth }],
    ["a user's password", { KAFKA_PROXY_AUTH: "alice:alices" }],
    ["a token", { KAFKA_PROXY_TOKEN: await signed(KEYS, claims({ kafka: { consume: ["*"] } })) }],
  ] as const
) {
  Deno.test(`ticket prints one that opens once, with ${what}`, async () => {
    await using server = new TestServer(SERVER);
    const { code, printed, complaints } = await ticket(server, ["--consume", TOPIC], env);
    assert.deepEqual([code, complaints], [0, []]);
    const at = server.at(`topic=${TOPIC}&consumerGroup=&ticket=${printed[0]}`);
    using first = await httpUpgrade(at);
    using second = await httpUpgrade(at);
    assert.deepEqual([first.status, second.status], [101, 401]);
  });
}

Deno.test("ticket narrows to what it is told", async () => {
  await using server = new TestServer(SERVER);
  const env = { KAFKA_PROXY_AUTH: SERVER.auth };
  const { printed } = await ticket(server, ["--consume=other, more*", "--group", "g"], env);
  using answer = await httpUpgrade(
    server.at(`topic=${TOPIC}&consumerGroup=g&ticket=${printed[0]}`),
  );
  assert.equal(answer.status, 404);
});

Deno.test("ticket ends with 1 and the server's reason, wrong credentials", async () => {
  await using server = new TestServer(SERVER);
  const { code, complaints } = await ticket(server, [], { KAFKA_PROXY_AUTH: "wrong" });
  assert.equal(code, 1);
  assert.match(complaints[0], /^127\.0\.0\.1:\d+ answers 401: Cannot authenticate/);
});

Deno.test("ticket ends with 1, no server there", async () => {
  const shell = new FakeShell(["--url", "http://127.0.0.1:1"]);
  assert.equal(await TICKET.run(shell, []), 1);
  assert.match(shell.complaints[0], /^127\.0\.0\.1:1 gives no ticket: /);
});

Deno.test("ticket ends with 2 and every mistake", async () => {
  const shell = new FakeShell(["--comsume", "a", "--group"]);
  assert.equal(await TICKET.run(shell, []), 2);
  assert.deepEqual(shell.complaints, [
    '"--comsume" is not a flag of ticket (did you mean --consume?)',
    '"a" is not a flag of ticket',
    "--group needs a value",
    "ticket --help says more",
  ]);
});
