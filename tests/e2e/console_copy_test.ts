import assert from "node:assert/strict";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { browserTest } from "../support/chromium.ts";
import { ConsolePage } from "../support/console_page.ts";
import { hasKcat } from "../support/kcat.ts";
import { parseFrame } from "../support/record_client.ts";
import { ShellCommand } from "../support/shell_command.ts";
import { startProxy } from "../support/test_proxy.ts";

const sharedKafka = shareKafka();

const CLIPBOARD = { permissions: ["clipboard-read", "clipboard-write"] };

/** Opens the record at offset 3 of 5, and gives what its buttons copy. */
async function opened(view: ConsolePage) {
  await view.received(5);
  await view.rows.nth(3).click();
  return async (name: string): Promise<string> => {
    await view.page.getByRole("button", { name: `Copy ${name}` }).click();
    await view.text(".detail [role=status]", new RegExp(name));
    return await view.page.evaluate<string>("navigator.clipboard.readText()");
  };
}

browserTest("the lines a record is copied as print that record in a shell", async (browser) => {
  const { kafka, helper } = await sharedKafka();
  await helper.createTopic("copied.as_lines-1", { partitions: 2 });
  await helper.produce({ topic: "copied.as_lines-1", partition: 1, count: 5, valueBytes: 50 });
  const topic = "copied.as_lines-1";
  const record = (await helper.read({ topic, partition: 1 }))[3];
  const value = new TextDecoder().decode(Uint8Array.fromBase64(record.value!));
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const live = `live?topic=${topic}&start=earliest`;
  const view = await ConsolePage.open(browser, proxy.httpUrl, live, CLIPBOARD);
  const copied = await opened(view);

  await using wscat = new ShellCommand(await copied("wscat"));
  const [frame] = await wscat.shows(/^\[\{.*\}\]$/m);
  const [first] = parseFrame(frame);
  assert.deepEqual([first.offset, first.message], [3n, value]);

  if (await hasKcat()) {
    const line = await copied("kcat");
    const { code, stdout } = await ShellCommand.run(line, { env: { KAFKA: kafka.bootstrap } });
    assert.deepEqual([code, stdout], [0, `${value}\n`]);
  }
  assert.deepEqual(view.problems, []);
});

browserTest(
  "the line for wscat takes credentials from the shell, and has none",
  async (browser) => {
    const { kafka, helper } = await sharedKafka();
    const topic = "copied-signed-in";
    await helper.createTopic(topic);
    await helper.produce({ topic, count: 5 });
    await using proxy = await startProxy({ kafka: kafka.bootstrap, auth: "thisisapassword" });
    const view = await ConsolePage.open(browser, proxy.httpUrl, "topics", CLIPBOARD);
    await view.page.getByLabel("With").selectOption("secret");
    await view.page.getByLabel("Password, secret or token").fill("thisisapassword");
    await view.page.getByRole("button", { name: "Sign in" }).click();
    await view.text("main table", /copied-signed-in/);
    await view.go(`live?topic=${topic}&start=earliest`);
    const line = await (await opened(view))("wscat");
    assert.doesNotMatch(line, /thisisapassword|dGhpc2lzYXBhc3N3b3Jk/);

    const refused = await ShellCommand.run(line);
    assert.match(refused.stdout + refused.stderr, /Unexpected server response: 401/);
    const env = { AUTHORIZATION: "basic thisisapassword" };
    await using wscat = new ShellCommand(line, { env });
    const [frame] = await wscat.shows(/^\[\{.*\}\]$/m);
    assert.equal(parseFrame(frame)[0].offset, 3n);
    assert.deepEqual(view.problems, []);
  },
);
