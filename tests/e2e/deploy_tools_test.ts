import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Metrics } from "../../src/observe/metrics.ts";
import { hasTool, runTool } from "../support/debian_tool.ts";
import { ensureKafkaJars } from "../kafka/kafka_jars.ts";
import { repositoryText } from "../support/markdown.ts";
import { PYTHON_ADVICE, pythonWith } from "../support/python_tools.ts";

const DEPLOY = fileURLToPath(new URL("../../deploy/", import.meta.url));
const PROMTOOL = { debian: "prometheus" };

Deno.test("promtool accepts the alert rules, and they fire when they should", async () => {
  if (!await hasTool("promtool", PROMTOOL)) return;
  assert.match(await runTool("promtool", "check", "rules", `${DEPLOY}alerts.yml`), /9 rules found/);
  assert.match(await runTool("promtool", "test", "rules", `${DEPLOY}alerts_test.yml`), /SUCCESS/);
});

Deno.test("promtool accepts every expression of the dashboard", async () => {
  if (!await hasTool("promtool", PROMTOOL)) return;
  const { panels } = JSON.parse(await repositoryText("deploy/grafana-dashboard.json"));
  const exprs: string[] = panels.flatMap(({ targets = [] }: { targets?: { expr: string }[] }) =>
    targets.map(({ expr }) => expr.replaceAll("$__rate_interval", "5m"))
  );
  const rules = exprs.map((expr, i) => ({ record: `panel:${i}`, expr }));
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(file, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
    const said = await runTool("promtool", "check", "rules", file);
    assert.match(said, new RegExp(`${exprs.length} rules found`));
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("promtool accepts what /metrics answers, and has nothing to say about names", async () => {
  if (!await hasTool("promtool", PROMTOOL)) return;
  const metrics = new Metrics();
  metrics.add("kafka_proxy_rebalances_total", { group: 'a "quoted" \\ name' });
  metrics.observe("kafka_proxy_session_duration_seconds", 12.5);
  const child = new Deno.Command("promtool", {
    args: ["check", "metrics"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const ended = child.output();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(await metrics.text()));
  await writer.close();
  const { code, stdout, stderr } = await ended;
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.deepEqual([code, said], [0, ""]);
});

Deno.test("systemd-analyze accepts the unit", async () => {
  if (!await hasTool("systemd-analyze", { debian: "systemd", ci: false })) return;
  const folder = await Deno.makeTempDir();
  try {
    const unit = await repositoryText("deploy/kafka-proxy.service");
    // It wants the program to be there.
    const here = unit.replace("ExecStart=/usr/local/bin/kafka-proxy", "ExecStart=/bin/true");
    await Deno.writeTextFile(`${folder}/kafka-proxy.service`, here);
    const said = await runTool("systemd-analyze", "verify", `${folder}/kafka-proxy.service`);
    assert.equal(said.trim(), "");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the manifest keeps Kubernetes' own schema, which finds a misspelt probe", async () => {
  const python = await pythonWith("kubernetes-validate", (await ensureKafkaJars()).cacheFolder);
  if (python === undefined) return console.log(`Skipped: ${PYTHON_ADVICE}`);
  const validate = (file: string) => runTool(python, "-m", "kubernetes_validate", "--strict", file);
  await validate(`${DEPLOY}kubernetes.yaml`);
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    const manifest = await repositoryText("deploy/kubernetes.yaml");
    const misspelt = manifest.replace("readinessProbe", "readynessProbe");
    assert.notEqual(misspelt, manifest);
    await Deno.writeTextFile(file, misspelt);
    await assert.rejects(validate(file), /readynessProbe/);
  } finally {
    await Deno.remove(file);
  }
});
