import assert from "node:assert/strict";
import { isIP } from "node:net";
import fc from "fast-check";
import { clientAddress, TrustedProxies } from "../../src/auth/client_address.ts";
import { nobodysHash } from "../../src/auth/passwords.ts";
import { presentedToken } from "../../src/auth/presented_token.ts";
import { passwordHashText } from "../../src/core/password_hash.ts";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { httpRoutes } from "../../src/server/http_routes.ts";

import { httpState } from "../support/http_state.ts";
import { asSubprotocol } from "../support/signed_tokens.ts";
import { testAccess } from "../support/test_access.ts";

// Cheap to check, so that many can be tried.
const HASH = passwordHashText({ ...nobodysHash(), costLog2: 10, blockSize: 1, parallelization: 1 });

const { access, token: TOKEN, ticket: TICKET } = await testAccess({ alice: { password: HASH } });

/** What a header can carry, and the runtime lets through. */
const headerText = fc.string({ unit: "binary" }).map((text) =>
  text.replace(/[^\x20-\x7e\x80-\xff]/g, "").trim()
);

/** A token with something changed, cut or put in. */
function mangled(token: string): fc.Arbitrary<string> {
  return fc.tuple(fc.nat(token.length), fc.nat(token.length), headerText).map(([from, to, text]) =>
    token.slice(0, Math.min(from, to)) + text + token.slice(Math.max(from, to))
  );
}

const part = fc.oneof(
  headerText,
  fc.base64String(),
  fc.jsonValue({ maxDepth: 2 }).map((value) =>
    btoa(unescape(encodeURIComponent(JSON.stringify(value))))
      .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")
  ),
);
const header = fc.record({
  alg: fc.constantFrom("none", "HS256", "ES256", "RS256", "EdDSA", "dir", 5, null),
  kid: fc.constantFrom(undefined, "k", 7, "../../etc/passwd"),
  crit: fc.constantFrom(undefined, ["b64"], []),
  b64: fc.constantFrom(undefined, false),
  zip: fc.constantFrom(undefined, "DEF"),
});
const jwtLike = fc.tuple(header, part, part).map(([head, ...rest]) =>
  [btoa(JSON.stringify(head)).replaceAll("=", ""), ...rest].join(".")
);
const anyToken = fc.oneof(
  headerText,
  jwtLike,
  mangled(TOKEN),
  mangled(TICKET),
  part.map((text) => `kpt1.${text}`),
);

/** Most a refusal may take, in ms; the machine may be busy. */
const BOUND_MS = 2_000;

/** Runs what may only end well or with a `ProxyError`, in bounded time. */
async function refusedOrNot(run: () => unknown): Promise<void> {
  const startMs = performance.now();
  try {
    await run();
  } catch (error) {
    assert.ok(error instanceof ProxyError, String(error));
    assert.notEqual(error.code, "internal");
  }
  assert.ok(performance.now() - startMs < BOUND_MS);
}

Deno.test("Authenticator.authenticate() throws ProxyErrors only, any credentials", async () => {
  const request = fc.record({
    authorization: fc.oneof(
      fc.constant(undefined),
      anyToken.map((token) => `Bearer ${token}`),
      headerText.map((text) => `Basic ${text}`),
      headerText,
    ),
    protocols: fc.oneof(
      fc.constant(undefined),
      anyToken.map((token) => `${asSubprotocol(token)}, kafka-proxy.v1`),
      headerText.map((text) => `bearer.${text}`),
      headerText,
    ),
    query: fc.array(
      fc.tuple(fc.constantFrom("ticket", "access_token", "topic"), anyToken),
      { maxLength: 2 },
    ),
  });
  await fc.assert(
    fc.asyncProperty(request, async ({ authorization, protocols, query }) => {
      const headers = new Headers();
      if (authorization !== undefined) headers.set("authorization", authorization);
      if (protocols !== undefined) headers.set("sec-websocket-protocol", protocols);
      const url = new URL("ws://localhost/");
      for (const [name, token] of query) url.searchParams.append(name, token);
      await refusedOrNot(() =>
        access.authenticator.authenticate({ headers, url, address: "192.0.2.1" })
      );
    }),
    { numRuns: 500 },
  );
});

Deno.test("Authenticator.ofToken() lets nobody in, tokens that were changed", async () => {
  await fc.assert(
    fc.asyncProperty(mangled(TOKEN), async (token) => {
      fc.pre(token !== TOKEN);
      await assert.rejects(access.authenticator.ofToken(token), { name: "ProxyError" });
    }),
    { numRuns: 300 },
  );
});

Deno.test("Authenticator.ofToken() is quick, very long tokens", async () => {
  for (const unit of ["a", ".", "kpt1.", "=", "{"]) {
    await refusedOrNot(() => access.authenticator.ofToken(unit.repeat(200_000)));
    const headers = new Headers({ "sec-websocket-protocol": `bearer.${unit.repeat(200_000)}` });
    const url = new URL("ws://localhost/");
    await refusedOrNot(() => presentedToken({ headers, url }, { inUrl: true }));
  }
});

Deno.test("clientAddress() is an address, any X-Forwarded-For", () => {
  const trusted = new TrustedProxies(["0.0.0.0/0", "::/0"]);
  const entry = fc.oneof(headerText, fc.ipV4(), fc.ipV6(), fc.ipV6().map((ip) => `[${ip}]:80`));
  fc.assert(fc.property(fc.array(entry), (entries) => {
    const headers = new Headers({ "x-forwarded-for": entries.join(",") });
    assert.notEqual(isIP(clientAddress("127.0.0.1", headers, trusted)), 0);
  }));
});

Deno.test("POST /tickets answers 201, 400 or 413, any body", async () => {
  const routes = httpRoutes(httpState({ auth: "thisisapassword" }));
  const body = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.json(),
    fc.dictionary(
      fc.constantFrom("consume", "produce", "group", "observe", "rate", "encodings", "__proto__"),
      fc.jsonValue({ maxDepth: 2 }),
    ).map((value) => JSON.stringify(value)),
  );
  await fc.assert(fc.asyncProperty(body, async (body) => {
    const request = new Request("http://localhost/tickets", {
      method: "POST",
      headers: { authorization: "basic thisisapassword" },
      body,
    });
    const response = await routes.fetch(request, { remoteAddress: "192.0.2.1" });
    await response.body?.cancel();
    assert.ok([201, 400, 413].includes(response.status), `${response.status}`);
  }));
});
