import assert from "node:assert/strict";
import { type Flag, readFlags } from "../../src/cli/flags.ts";
import { pieces } from "../../src/cli/lines.ts";
import { delimiter, jsonLine, parseFormat } from "../../src/cli/record_format.ts";
import { textTable } from "../../src/cli/text_table.ts";
import { proxyAddress } from "../../src/cli/proxy_address.ts";
import { PROXY_FLAGS } from "../../src/cli/proxy_address.ts";
import { FakeShell } from "../support/fake_shell.ts";

const FLAGS: readonly Flag[] = [
  { name: "--topic", short: "t", value: "TOPIC", many: true, doc: "" },
  { name: "--offset", short: "o", value: "WHERE", doc: "" },
  { name: "--exit", short: "e", doc: "" },
];

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

for (
  const args of [["-t", "a", "-o", "-10", "-e"], ["-ta", "-o-10", "-e"], [
    "--topic=a",
    "--offset",
    "-10",
    "--exit",
  ]]
) {
  Deno.test(`readFlags() reads a topic, the last ten and a switch, ${args.join(" ")}`, () => {
    const given = readFlags(FLAGS, args);
    assert.ok(typeof given !== "string", String(given));
    assert.deepEqual(
      [given.texts("topic"), given.text("offset"), given.has("exit"), given.rest],
      [["a"], "-10", true, []],
    );
  });
}

Deno.test("readFlags() takes a flag behind a flag without a value for what it is", () => {
  assert.match(String(readFlags(FLAGS, ["-o", "-e"])), /argument/);
});

Deno.test("readFlags() names the nearest flag, an unknown one", () => {
  assert.match(String(readFlags(FLAGS, ["--ofset", "1"])), /--offset/);
});

const RECORD = {
  topic: "t",
  partition: 1,
  offset: 9007199254740993n,
  timestamp: 5,
  key: null,
  value: bytes("v"),
  headers: [["a", bytes("1")], ["b", null]] as const,
};

Deno.test("parseFormat() has kcat's tokens and escapes", () => {
  const format = parseFormat("%t|%p|%o|%T|%k|%K|%s|%S|%h|%%\\t\\x41\\n");
  assert.equal(text(format(RECORD)), "t|1|9007199254740993|5||-1|v|1|a=1,b=NULL|%\tA\n");
  assert.deepEqual([...parseFormat("%R%s")(RECORD)], [0, 0, 0, 1, 118]);
  assert.deepEqual([...parseFormat("%R")({ ...RECORD, value: null })], [255, 255, 255, 255]);
  assert.throws(() => parseFormat("%x"), /%x is none of %s/);
});

Deno.test("delimiter() reads escapes, and text beyond ASCII", () => {
  assert.deepEqual([...delimiter("\\x1f\\n\\q")], [31, 10, 92, 113]);
  assert.equal(text(delimiter("€")), "€");
});

Deno.test("jsonLine() keeps an offset exact, and null apart from nothing", () => {
  assert.equal(
    text(jsonLine({ ...RECORD, value: bytes("") })),
    '{"topic":"t","partition":1,"offset":9007199254740993,"ts":5,"headers":["a","1","b",null],' +
      '"key":null,"payload":""}\n',
  );
});

Deno.test("pieces() are the same wherever the chunks are cut", async () => {
  const input = "one\r\ntwo\r\n\r\nlast";
  for (let size = 1; size <= input.length; size++) {
    const chunks = async function* () {
      for (let at = 0; at < input.length; at += size) {
        yield await Promise.resolve(bytes(input.slice(at, at + size)));
      }
    };
    const found: string[] = [];
    for await (const some of pieces(chunks(), bytes("\r\n"))) found.push(...some.map(text));
    assert.deepEqual(found, ["one", "two", "", "last"], `chunks of ${size}`);
  }
});

Deno.test("textTable() puts numbers to the right, and ends no line with blanks", () => {
  assert.equal(
    textTable([["NAME", "LAG", "WHO"], ["a", "10", "x"], ["long", "-", ""]]),
    "NAME  LAG  WHO\na      10  x\nlong    -",
  );
});

for (
  const [what, args, env, wanted] of [
    ["nothing", [], {}, undefined],
    ["a shared secret", [], { KAFKA_PROXY_AUTH: "s" }, `Basic ${btoa(":s")}`],
    ["a user", [], { KAFKA_PROXY_AUTH: "u:p" }, `Basic ${btoa("u:p")}`],
    ["a token before a secret", [], { KAFKA_PROXY_AUTH: "s", KAFKA_PROXY_TOKEN: "t" }, "Bearer t"],
    ["a flag before both", ["--auth", "f"], { KAFKA_PROXY_TOKEN: "t" }, `Basic ${btoa(":f")}`],
    ["a file", ["--token", "@secret"], {}, "Bearer from-file"],
  ] as const
) {
  Deno.test(`proxyAddress() sends credentials, ${what}`, async () => {
    const given = readFlags(PROXY_FLAGS, args);
    assert.ok(typeof given !== "string");
    const shell = new FakeShell([], { env: { ...env }, files: { secret: "from-file\n" } });
    const address = await proxyAddress(given, shell);
    assert.ok(typeof address !== "string", String(address));
    assert.equal(address.headers.authorization, wanted);
    assert.equal(address.wsUrl, "ws://127.0.0.1:9999/");
  });
}

Deno.test("proxyAddress() takes wss, https and a bare host", async () => {
  for (
    const [url, ws, http] of [
      ["wss://a.example/kafka", "wss://a.example/kafka", "https://a.example/kafka"],
      ["https://a.example", "wss://a.example/", "https://a.example/"],
      ["b:9999", "ws://b:9999/", "http://b:9999/"],
    ]
  ) {
    const given = readFlags(PROXY_FLAGS, ["-b", url]);
    assert.ok(typeof given !== "string");
    const address = await proxyAddress(given, new FakeShell([]));
    assert.ok(typeof address !== "string");
    assert.deepEqual([address.wsUrl, address.httpUrl], [ws, http]);
  }
});
