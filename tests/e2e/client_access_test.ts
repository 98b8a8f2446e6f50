import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { fileURLToPath } from "node:url";
import { ClientError, KafkaProxyClient } from "../../src/client/mod.ts";
import type { LibraryOptions } from "../../src/config/library_options.ts";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { browserTest } from "../support/chromium.ts";
import {
  bundle,
  inChromium,
  inDeno,
  inNode,
  type ScenarioRun,
} from "../support/client_contract/runtimes.ts";
import { ConsolePage } from "../support/console_page.ts";
import { eventually } from "../support/eventually.ts";
import { repositoryText } from "../support/markdown.ts";
import { cheapHash, claims, newKeys, nowSeconds, signed } from "../support/signed_tokens.ts";
import { TcpRelay } from "../support/tcp_relay.ts";
import { startProxy, type TestProxy } from "../support/test_proxy.ts";

const sharedKafka = shareKafka();

const KEYS = newKeys("ES256");

async function serve(options: Partial<LibraryOptions>, topic: string): Promise<TestProxy> {
  const { kafka, helper } = await sharedKafka();
  await helper.createTopic(topic);
  await helper.produce({ topic, count: 3 });
  return await startProxy({ kafka: kafka.bootstrap, ...options });
}

/** A token that may read a topic, good for so many seconds. */
function tokenFor(topic: string, seconds: number): Promise<string> {
  return signed(KEYS, claims({ exp: nowSeconds() + seconds, kafka: { consume: [topic] } }));
}

const JWT = { jwtKey: KEYS.pem, jwtAudience: "us", jwtToleranceSeconds: 0 } as const;

/** The same in Deno, Node and Chromium at once: most of it is waiting for tokens to expire. */
function everywhere(
  what: string,
  check: (run: ScenarioRun, runtime: string) => Promise<void>,
): void {
  browserTest(`${what}, in Deno, Node and Chromium`, async (browser) => {
    const page = await browser.newPage({ bypassCSP: true });
    await Promise.all([
      check(inDeno, "deno"),
      check(inNode, "node"),
      check(inChromium(page), "chromium"),
    ]);
  });
}

everywhere("KafkaProxyClient reads on past the expiry of its tokens", async (run, runtime) => {
  const topic = `renewed-${runtime}`;
  await using proxy = await serve(JWT as Partial<LibraryOptions>, topic);
  const { helper } = await sharedKafka();
  const tokens = await Promise.all([5, 8, 60].map((seconds) => tokenFor(topic, seconds)));
  const expiredMs = performance.now() + 9_000;
  const input = { url: proxy.url, topic, tokens, records: 5 };
  const output = await run("guarded", input, async () => {
    await eventually("two tokens to have expired", () => performance.now() > expiredMs, {
      timeoutMs: 20_000,
    });
    await helper.produce({ topic, count: 2, startNumber: 3 });
  });
  const offsets = [0, 1, 2, 3, 4];
  assert.deepEqual(output, { offsets, principal: "alice", state: "live", closeCode: null });
});

everywhere("KafkaProxyClient is over, its token expired and no other", async (run, runtime) => {
  const topic = `expired-${runtime}`;
  await using proxy = await serve(JWT as Partial<LibraryOptions>, topic);
  const input = { url: proxy.url, topic, tokens: [await tokenFor(topic, 5)] };
  const output = await run("guarded", input, async () => {});
  const offsets = [0, 1, 2];
  assert.deepEqual(output, { offsets, principal: "alice", state: "closed", closeCode: 4401 });
});

Deno.test("the library in Node is the file that the proxy serves", async () => {
  const topic = "node-file";
  await using proxy = await serve({}, topic);
  const folder = await Deno.makeTempDir({ prefix: "kafka-proxy-node-" });
  try {
    const script = await fetch(`${proxy.httpUrl}client.js`);
    await Deno.writeTextFile(`${folder}/kafka-proxy.mjs`, await script.text());
    // Node before 22 has no WebSocket of its own.
    await Deno.writeTextFile(`${folder}/ws.mjs`, await bundle("node_web_socket.ts", "deno"));
    await Deno.writeTextFile(
      `${folder}/main.mjs`,
      `import { KafkaProxyClient } from "./kafka-proxy.mjs";
      const client = new KafkaProxyClient("${proxy.url}", {
        WebSocket: globalThis.WebSocket ?? (await import("./ws.mjs")).WebSocket,
      });
      const { offset } = await client.produce("${topic}", { value: "from Node" });
      for await (const record of client.subscribe({ topics: ["${topic}"], from: offset })) {
        console.log(record.value);
        break;
      }
      await client.close();`,
    );
    const { stdout, stderr } = await new Deno.Command("node", {
      args: [`${folder}/main.mjs`],
    }).output();
    assert.equal(new TextDecoder().decode(stdout), "from Node\n", new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the example in KafkaProxyClient's documentation runs as it stands", async () => {
  const topic = "orders";
  await using proxy = await serve({}, topic);
  const source = await repositoryText("src/client/kafka_proxy_client.ts");
  const [, example] = /```ts\n([^`]*) \* ```/.exec(source)!;
  const code = example.replaceAll(/^ \* ?/gm, "").replace("ws://127.0.0.1:9999/", proxy.url);
  const folder = await Deno.makeTempDir({ prefix: "kafka-proxy-example-" });
  try {
    const library = fileURLToPath(new URL("../../src/client/mod.ts", import.meta.url));
    const main = code.replace('"kafka-proxy/client"', JSON.stringify(library));
    await Deno.writeTextFile(`${folder}/main.ts`, main);
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-lock", "-A", `${folder}/main.ts`],
      env: { NO_COLOR: "1" },
    }).output();
    const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
    assert.deepEqual(
      [lines.length, lines.at(-1)],
      [4, "0 3n hello"],
      new TextDecoder().decode(stderr),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("KafkaProxyClient says what one may not do, the subscription alone ends", async () => {
  const topic = "allowed";
  await using proxy = await serve(JWT as Partial<LibraryOptions>, topic);
  const token = await tokenFor(topic, 60);
  await using client = new KafkaProxyClient(proxy.url, { token: () => token });
  const { value } = await client.subscribe({ topics: [topic], from: "earliest" })
    [Symbol.asyncIterator]().next();
  assert.equal(value.offset, 0n);
  const failed = await client.produce(topic, { value: "x" }).catch((error) => error);
  assert.ok(failed instanceof ClientError);
  assert.equal(failed.code, "forbidden");
  assert.equal(client.state, "live");
});

browserTest("the library in a page whose origin is not allowed stays offline", async (browser) => {
  await using proxy = await serve({}, "origins");
  await using elsewhere = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("<p>", { headers: { "content-type": "text/html" } }),
  );
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${elsewhere.addr.port}/`);
  const state = await page.evaluate<{ state: string; trouble: string }>(`(async () => {
    const { KafkaProxyClient } = await import("${proxy.httpUrl}client.js");
    const client = new KafkaProxyClient("${proxy.url}", { pauses: { firstMs: 5000 } });
    for await (const state of client.states()) {
      if (state === "offline" || state === "live") return { state, trouble: client.trouble };
    }
  })()`);
  assert.equal(state.state, "offline");
  assert.match(state.trouble, /^Cannot connect \(1006/);
  assert.ok((proxy.events.count("session_refused") ?? 0) > 0);
});

browserTest(
  "the console behind a proxy that changes Host says what is to be done",
  async (browser) => {
    await using proxy = await serve({}, "hosts");
    await using relay = new TcpRelay(proxy.httpUrl);
    const base = relay.through(proxy.httpUrl);
    const { origin, host } = new URL(base);
    // As a reverse proxy does that nobody has told otherwise.
    relay.change = (bytes, way) => {
      if (way === "toClient") return bytes;
      const text = Buffer.from(bytes).toString("latin1");
      const own = `Host: ${new URL(proxy.httpUrl).host}`;
      return Buffer.from(text.replaceAll(`Host: ${host}`, own), "latin1");
    };
    const view = await ConsolePage.open(browser, base, "live?topic=hosts&start=earliest");
    await view.text("#state", /^offline$/);
    await view.text("#trouble", new RegExp(`session_refused.* --origin ${origin}$`));
    assert.ok((proxy.events.count("session_refused") ?? 0) > 0);
  },
);

browserTest(
  "the console shows a user what the user may do, and reads by ticket",
  async (browser) => {
    const password = await cheapHash("alices");
    const rights = { consume: ["mine"] };
    const users = { alice: { password, rights } };
    await using proxy = await serve({ users } as Partial<LibraryOptions>, "mine");
    const { helper } = await sharedKafka();
    await helper.createTopic("theirs");
    const view = await ConsolePage.open(browser, proxy.httpUrl, "topics");
    const { page } = view;
    await view.text("h2", /^Sign in$/);
    await page.getByLabel("Name", { exact: true }).fill("alice");
    await page.getByLabel("Password, secret or token").fill("alices");
    await page.getByRole("button", { name: "Sign in" }).click();
    await view.text("main table", /mine/);
    assert.doesNotMatch(await page.locator("main").textContent() ?? "", /theirs/);
    const links = await page.getByRole("navigation").getByRole("link").allTextContents();
    assert.deepEqual(links, ["Topics", "Live", "Sessions", "Charts"], "from loopback one may look");
    await view.go("live?topic=mine&start=earliest");
    await view.received(3);
    await view.text("#state", /^live$/);
    assert.deepEqual(view.problems, []);
  },
);

browserTest("the console asks to sign in again when its token has expired", async (browser) => {
  await using proxy = await serve(JWT as Partial<LibraryOptions>, "short");
  const view = await ConsolePage.open(browser, proxy.httpUrl, "topics");
  const { page } = view;
  await view.text("h2", /^Sign in$/);
  await page.getByRole("combobox").selectOption("token");
  await page.getByLabel("Password, secret or token").fill(await tokenFor("short", 5));
  await page.getByRole("button", { name: "Sign in" }).click();
  await view.text("main table", /short/);
  await view.go("live?topic=short&start=earliest");
  await view.received(3);
  await view.text("#state", /^live$/);
  await view.text("[role=alert]", /no longer taken: sign in again/);
  await view.text("h2", /^Sign in$/);
  await view.text("#state", /^signed out$/);
});
