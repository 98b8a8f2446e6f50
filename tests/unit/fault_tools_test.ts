import assert from "node:assert/strict";
import { FAKE_CLOCK_ADVICE, FakeClock } from "../support/fake_clock.ts";
import { SLOW_DNS_ADVICE, SlowDns } from "../support/slow_dns.ts";

const canNameServer = SlowDns.isPossible;
if (!FakeClock.isInstalled) console.log(`Skipped, ${FAKE_CLOCK_ADVICE}: FakeClock`);
if (!canNameServer) console.log(`Skipped, ${SLOW_DNS_ADVICE}: SlowDns`);

async function output(command: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const [program, ...args] = command;
  const { stdout } = await new Deno.Command(program, { args, env }).output();
  return new TextDecoder().decode(stdout).trim();
}

Deno.test({
  name: "FakeClock sets the wall clock of a process, and not the one that only counts",
  ignore: !FakeClock.isInstalled,
  async fn() {
    const file = await Deno.makeTempFile();
    try {
      const clock = new FakeClock(file);
      for (const seconds of [0, 3_600, -3_600]) {
        clock.set(seconds);
        const program = "console.log(Date.now(), performance.now())";
        const [wallMs, countedMs] = (await output([Deno.execPath(), "eval", program], clock.env))
          .split(" ").map(Number);
        const offSeconds = (wallMs - Date.now()) / 1_000;
        assert.ok(Math.abs(offSeconds - seconds) < 60, `${offSeconds} s for ${seconds} s`);
        assert.ok(countedMs < 60_000, `${countedMs} ms`);
      }
    } finally {
      await Deno.remove(file);
    }
  },
});

Deno.test({
  name: "SlowDns answers one name late, and no other",
  ignore: !canNameServer,
  async fn() {
    await using dns = await SlowDns.start("kafka.lan");
    const ask = (name: string) => output([...dns.asked, "getent", "ahostsv4", name]);
    dns.delayMs = 300;
    const startMs = performance.now();
    assert.match(await ask("kafka.lan"), /^127\.0\.0\.1\s/);
    assert.ok(performance.now() - startMs >= 300);
    assert.ok(dns.questions > 0);
    dns.delayMs = 0;
    assert.equal(await ask("elsewhere.lan"), "");
  },
});
