import assert from "node:assert/strict";
import { Authenticator } from "../../src/auth/authenticate.ts";
import { SharedSecret } from "../../src/auth/shared_secret.ts";
import type { ErrorCode } from "../../src/core/error_table.ts";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { observer } from "../../src/server/observer_access.ts";

const OPEN = new Authenticator({});
const SECRET = new Authenticator({ shared: { secret: new SharedSecret("thisisapassword") } });

/** What an asker gets: the name it is known by, or the code of the refusal. */
async function ask(
  authenticator: Authenticator,
  address: string,
  headers: Record<string, string>,
  origins: readonly string[] = [],
): Promise<string | ErrorCode> {
  const request = new Request("http://x/metrics", { headers });
  try {
    return (await observer(request, address, "observe", { authenticator, origins })).name;
  } catch (error) {
    assert.ok(error instanceof ProxyError);
    return error.code;
  }
}

const LOCAL = { host: "localhost:9999" };
const BASIC = { authorization: "basic thisisapassword" };

const CASES: readonly [string, Promise<string>, string][] = [
  ["loopback", ask(OPEN, "127.0.0.1", LOCAL), "loopback"],
  ["loopback, IPv6", ask(OPEN, "::1", { host: "[::1]:9999" }), "loopback"],
  ["loopback, IPv4 in IPv6", ask(OPEN, "::ffff:127.0.0.1", LOCAL), "loopback"],
  ["loopback, a server with a secret", ask(SECRET, "127.0.0.1", LOCAL), "loopback"],
  [
    "loopback by another name (DNS rebinding)",
    ask(OPEN, "127.0.0.1", { host: "evil.example" }),
    "forbidden",
  ],
  [
    "loopback behind a reverse proxy",
    ask(SECRET, "127.0.0.1", { ...LOCAL, "x-forwarded-for": "9.9.9.9" }),
    "unauthorized",
  ],
  [
    "loopback, our own page",
    ask(OPEN, "127.0.0.1", { ...LOCAL, origin: "http://localhost:9999" }),
    "loopback",
  ],
  [
    "loopback, another page",
    ask(OPEN, "127.0.0.1", { ...LOCAL, origin: "https://evil.example" }),
    "origin_refused",
  ],
  [
    "loopback, a page that may read topics",
    ask(OPEN, "127.0.0.1", { ...LOCAL, origin: "https://app.example" }, ["*"]),
    "origin_refused",
  ],
  ["the network", ask(OPEN, "9.9.9.9", LOCAL), "forbidden"],
  ["the network, no credentials", ask(SECRET, "9.9.9.9", LOCAL), "unauthorized"],
  ["the network, credentials", ask(SECRET, "9.9.9.9", { ...LOCAL, ...BASIC }), "shared-secret"],
];
for (const [who, answer, wanted] of CASES) {
  Deno.test(`observer() answers ${wanted}, ${who}`, async () => {
    assert.equal(await answer, wanted);
  });
}
