import assert from "node:assert/strict";
import { httpUpgrade } from "../support/http_upgrade.ts";
import { ProxyProcess } from "../support/proxy_process.ts";

const SECRET = "thisisapassword";

Deno.test("OTEL_DENO=true: a span for each request, and no credentials in any attribute", async () => {
  await using proxy = await ProxyProcess.start({
    args: ["--kafka", "127.0.0.1:1"],
    env: {
      KAFKA_PROXY_AUTH: SECRET,
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "console",
    },
  });
  const authorization = `Basic ${btoa(`user:${SECRET}`)}`;
  for (const headers of [{ authorization }, { authorization: `basic ${SECRET}` }]) {
    const answer = await fetch(`${proxy.httpUrl}metrics`, { headers });
    assert.equal(answer.status, 200);
    await answer.body?.cancel();
    using refused = await httpUpgrade(`${proxy.url}?topic=test`, { headers });
    assert.equal(refused.status, 503);
  }
  proxy.signal("SIGTERM");
  const { stdout, otherLines, log } = await proxy.ended();
  const exported = [stdout, ...otherLines, ...log.map((line) => JSON.stringify(line))].join("\n");
  assert.match(exported, /SPAN/);
  assert.match(exported, /url\.path.*\/metrics/);
  for (const secret of [SECRET, authorization.slice("Basic ".length)]) {
    assert.ok(!exported.includes(secret), "no secret is exported");
  }
});
