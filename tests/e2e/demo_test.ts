import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { probeMetadata } from "../kafka/metadata_probe.ts";
import { eventually } from "../support/eventually.ts";
import { ShellCommand } from "../support/shell_command.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const DENO = Deno.execPath();

const sharedKafka = shareKafka();

/** Offsets of the records a demo shows. */
function shown(stdout: string): number[] {
  return [...stdout.matchAll(/^ *(\d+) {2}\{"order":"A-\d+","customer":.+\}$/gm)]
    .map(([, offset]) => Number(offset));
}

function assertContiguous(offsets: readonly number[], count: number): void {
  assert.equal(offsets.length, count);
  offsets.forEach((offset, i) => assert.equal(offset, offsets[0] + i));
}

Deno.test("demo.ts shows records of a broker it has fetched and started, and leaves nothing", async () => {
  const { code, stdout, stderr } = await ShellCommand.run(
    `${DENO} task demo --records 20`,
    { cwd: ROOT, timeoutMs: 180_000 },
  );
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^Starting Apache Kafka /m);
  assertContiguous(shown(stdout), 20);
  assert.match(stdout, /\n20 records shown\n$/);
  const [, broker] = /^Connecting to Kafka at (.+)$/m.exec(stdout)!;
  await eventually("the broker to be gone", async () => await probeMetadata(broker) === undefined);
});

Deno.test("demo.ts --kafka uses that broker, twice over the same topic", async () => {
  const { kafka } = await sharedKafka();
  for (let round = 0; round < 2; round++) {
    const { code, stdout, stderr } = await ShellCommand.run(
      `${DENO} task demo --kafka ${kafka.bootstrap} --records 5`,
      { cwd: ROOT },
    );
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stdout, /Starting Apache Kafka/);
    assertContiguous(shown(stdout), 5);
    assert.notEqual(await probeMetadata(kafka.bootstrap), undefined);
  }
});

Deno.test("demo.ts prints a wscat line and a page that work, and Ctrl-C ends it with 0", async () => {
  const { kafka } = await sharedKafka();
  // Whoever has the demo's own port does not stop it.
  using _taken = occupied(9999);
  await using demo = new ShellCommand(
    `exec ${DENO} run -A samples/demo.ts --kafka ${kafka.bootstrap}`,
    { cwd: ROOT },
  );
  await demo.shows(/^ *\d+ {2}\{/m);
  assert.match(demo.stdout, /^Port 9999 is in use: taking another$/m);

  const [, wscat] = await demo.shows(/^ {2}(npx -y wscat@[\d.]+ --connect ".+")$/m);
  {
    await using client = new ShellCommand(wscat);
    await client.shows(/^\[\{"message":"\{\\"order\\":.+"offset":\d+\}\]$/m);
  }
  const [, page] = await demo.shows(/^ {2}(http:.+)$/m);
  const response = await fetch(page);
  assert.equal(response.status, 200);
  assert.equal(new URL(response.url).searchParams.get("topic"), "kafka-proxy-demo");
  assert.match(await response.text(), /^<!DOCTYPE html>/);

  demo.signal("SIGINT");
  const { code, stdout } = await demo.ended(5_000);
  assert.equal(code, 0);
  assertContiguous(shown(stdout), Number(/(\d+) records shown\n$/.exec(stdout)![1]));
});

Deno.test("demo.ts says in one line that Kafka cannot be reached, and ends with 1", async () => {
  const { code, stdout, stderr } = await ShellCommand.run(
    `${DENO} run -A samples/demo.ts --kafka 127.0.0.1:1 --records 1`,
    { cwd: ROOT },
  );
  assert.equal(code, 1);
  assert.equal(stdout, "Connecting to Kafka at 127.0.0.1:1\n");
  assert.match(stderr, /^.*ECONNREFUSED.*\n$/);
});

Deno.test("demo.ts refuses --records 0", async () => {
  const { code, stderr } = await ShellCommand.run(
    `${DENO} run -A samples/demo.ts --records 0`,
    { cwd: ROOT },
  );
  assert.equal(code, 2);
  assert.match(stderr, /^--records is 0: it must be 1 or more\n\nUsage: /);
});

/** Listens on a port, unless somebody does already. */
function occupied(port: number): Disposable {
  try {
    return Deno.listen({ hostname: "127.0.0.1", port });
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    return { [Symbol.dispose]: () => {} };
  }
}
