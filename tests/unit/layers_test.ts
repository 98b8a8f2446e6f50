import assert from "node:assert/strict";
import { layerViolations } from "../support/layers.ts";
import { codeOf, importsOf, sourceFiles } from "../support/source_code.ts";

Deno.test("src/ keeps to its ranks and its words, every file", async () => {
  const files = await sourceFiles("src");
  assert.ok(files.length > 80, `only ${files.length} files were found`);
  assert.ok(files.some(({ text }) => importsOf(text).length > 10));
  assert.deepEqual(layerViolations(files), []);
});

for (
  const [what, path, text, wanted] of [
    [
      "a higher rank",
      "src/log/cursor.ts",
      'import type { V1Session } from "../session/v1_session.ts";',
      'src/log/cursor.ts:1 imports "../session/v1_session.ts": session is of rank 4, log of rank 3',
    ],
    [
      "the same rank",
      "src/auth/origin.ts",
      'import { quoted } from "../protocol/quoted.ts";',
      'src/auth/origin.ts:1 imports "../protocol/quoted.ts": protocol is of rank 1, auth of rank 1',
    ],
    [
      "a folder without a rank",
      "src/utils/misc.ts",
      'import "../core/chunk.ts";',
      'src/utils/misc.ts:1 imports "../core/chunk.ts": utils has no rank',
    ],
    [
      "something without a rank",
      "src/core/chunk.ts",
      'import "../utils/misc.ts";',
      'src/core/chunk.ts:1 imports "../utils/misc.ts": utils has no rank',
    ],
    [
      "a test",
      "src/kafka/codecs/gzip.ts",
      'export * from "../../../tests/support/batch_builder.ts";',
      'src/kafka/codecs/gzip.ts:1 imports "../../../tests/support/batch_builder.ts": ' +
      "it is outside of src/",
    ],
    [
      "the command line from the library",
      "src/mod.ts",
      'export { main } from "./main.ts";',
      'src/mod.ts:1 imports "./main.ts": main.ts is of rank 7, mod.ts of rank 6',
    ],
    [
      "a dynamic import, two lines down",
      "src/core/chunk.ts",
      '/** import("../log/cursor.ts") */\n\nawait import(\n  "../log/cursor.ts"\n);',
      'src/core/chunk.ts:3 imports "../log/cursor.ts": log is of rank 3, core of rank 0',
    ],
    [
      "several lines of names",
      "src/stream/sleep.ts",
      "import {\n  type Log, // x\n} from '../log/log.ts';",
      'src/stream/sleep.ts:3 imports "../log/log.ts": log is of rank 3, stream of rank 1',
    ],
    [
      "KafkaJS elsewhere",
      "src/session/claims.ts",
      'import { Kafka } from "kafkajs";',
      'src/session/claims.ts:1 imports "kafkajs": only src/kafka/ may',
    ],
    [
      "a part of KafkaJS elsewhere",
      "src/server/kafka_proxy.ts",
      'import x from "npm:kafkajs@2.2.4/src/index.js";',
      'src/server/kafka_proxy.ts:1 imports "npm:kafkajs@2.2.4/src/index.js": only src/kafka/ may',
    ],
    [
      "a dependency of the protocol",
      "src/protocol/v1_request.ts",
      'import { Buffer } from "node:buffer";',
      'src/protocol/v1_request.ts:1 imports "node:buffer": the protocol imports itself and the core only',
    ],
    [
      "the server in the client",
      "src/client/link.ts",
      'import { ProxyError } from "../core/proxy_error.ts";',
      'src/client/link.ts:1 imports "../core/proxy_error.ts": the client imports the protocol only',
    ],
    [
      "an upgrade elsewhere",
      "src/server/upgrade_handler.ts",
      "const { socket } = Deno.upgradeWebSocket(request);",
      'src/server/upgrade_handler.ts:1 says "Deno.upgradeWebSocket": only src/socket/ may',
    ],
    [
      "a WebSocket elsewhere",
      "src/session/v1_session.ts",
      "if (socket.readyState === WebSocket.OPEN) return;",
      'src/session/v1_session.ts:1 says "WebSocket": only src/socket/ and src/client/ may',
    ],
    [
      "arguments elsewhere",
      "src/config/read_flags.ts",
      "// Deno.args\nconst [first] = Deno.args;",
      'src/config/read_flags.ts:2 says "Deno.args": only src/main.ts may',
    ],
    [
      "the environment elsewhere, in a template",
      "src/config/help.ts",
      "const text = `Deno.env ${Deno.env.get(`${1}`)} console`;",
      'src/config/help.ts:1 says "Deno.env": only src/main.ts may',
    ],
    [
      "an exit elsewhere",
      "src/server/safety_nets.ts",
      "Deno\n.exit(1);\nDeno.exit(1);",
      'src/server/safety_nets.ts:3 says "Deno.exit": only src/main.ts may',
    ],
    [
      "the console elsewhere",
      "src/observe/log.ts",
      "console.log(1);",
      'src/observe/log.ts:1 says "console": only src/main.ts may',
    ],
  ]
) {
  Deno.test(`layerViolations() finds ${what}`, () => {
    assert.deepEqual(layerViolations([{ path, text }]), [wanted]);
  });
}

for (
  const [what, path, text] of [
    [
      "lower ranks and its own folder",
      "src/log/cursor.ts",
      'import "../core/chunk.ts"; import "./chunk_cache.ts";',
    ],
    ["a folder in its own folder", "src/kafka/record_batches.ts", 'import "./codecs/gzip.ts";'],
    ["KafkaJS at its place", "src/kafka/kafka_client.ts", 'import "kafkajs/src/broker/index.js";'],
    ["modules of the runtime", "src/log/cursor.ts", 'import "node:timers";'],
    ["words in comments", "src/log/cursor.ts", "/* WebSocket\n console */ // Deno.exit\n"],
    ["words in texts", "src/log/cursor.ts", "const a = 'WebSocket' + \"console\" + `Deno.env`;"],
    ["words in patterns", "src/log/cursor.ts", "const a = /[/]WebSocket'/.test(b) ? 1 / 2 : 3;"],
    ["longer words", "src/log/cursor.ts", "new WebSocketSink(); consoles;"],
    ["imports in texts", "src/core/chunk.ts", "const a = 'import \"../log/cursor.ts\"';"],
    [
      "node:buffer in the frames",
      "src/protocol/frame_scratch.ts",
      'import { Buffer } from "node:buffer";',
    ],
  ]
) {
  Deno.test(`layerViolations() finds nothing, ${what}`, () => {
    assert.deepEqual(layerViolations([{ path, text }]), []);
  });
}

Deno.test("codeOf() keeps code, places and lines, nothing else", () => {
  const cases = [
    ["a /* b */ c", "a         c"],
    ["a // b\nc", "a     \nc"],
    ['"a\\"b" + c', '"    " + c'],
    ["`a${b + `c${d}` + '}'}e` + f", "` ${b + ` ${d}` + ' '} ` + f"],
    ["`a${{ b: 1 }.b}c`", "` ${{ b: 1 }.b} `"],
    ["a = /b[/]c\\/d/g; e / f / g", "a = /        /g; e / f / g"],
    ["return /a/", "return / /"],
    ["'// no' + `/* no */` // yes", "'     ' + `        `       "],
    ['"an end that is missing\nb', '"                      \nb'],
  ];
  for (const [text, code] of cases) assert.equal(codeOf(text), code);
});

Deno.test("importsOf() finds every form, with its line", () => {
  const text = `
import a from "a";
import { b } from 'b';
import type { C } from "c";
import "d";
export * from "e";
export { f } from "f";
const g = await import("g");
from("no");
x.import("no");
`;
  assert.deepEqual(
    importsOf(text).map(({ specifier, line }) => `${specifier} ${line}`),
    ["a 2", "b 3", "c 4", "d 5", "e 6", "f 7", "g 8"],
  );
});
