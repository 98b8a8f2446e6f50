import assert from "node:assert/strict";
import { parse, parseAllDocuments } from "yaml";
import { SETTING_KEYS, SETTINGS_TABLE } from "../../src/config/settings_table.ts";
import { METRIC_TABLE } from "../../src/observe/metric_table.ts";
import { repositoryText } from "../support/markdown.ts";

const ENVIRONMENT: readonly string[] = SETTING_KEYS.map((key) => SETTINGS_TABLE[key].env);

/** Names of series `/metrics` has. */
const SERIES = new Set(
  Object.entries(METRIC_TABLE).flatMap(([name, { type }]) =>
    type === "histogram" ? ["_bucket", "_sum", "_count"].map((end) => name + end) : [name]
  ),
);

/** Expressions of the dashboard, and of the rules. */
async function expressions(): Promise<string[]> {
  const { panels } = JSON.parse(await repositoryText("deploy/grafana-dashboard.json"));
  const drawn = panels.flatMap(({ targets = [] }: { targets?: { expr: string }[] }) =>
    targets.map(({ expr }) => expr)
  );
  const { groups } = parse(await repositoryText("deploy/alerts.yml"));
  const watched = groups.flatMap(({ rules }: { rules: { expr: string }[] }) =>
    rules.map(({ expr }) => expr)
  );
  return [...drawn, ...watched];
}

Deno.test("deploy/ asks for metrics that there are, with labels they have", async () => {
  const all = await expressions();
  assert.ok(all.length > 40);
  const used = new Set<string>();
  for (const expr of all) {
    for (
      const [, name, selectors = ""] of expr.matchAll(
        /\b((?:kafka_proxy|process)_[a-z_]+)(?:\{([^}]*)\})?/g,
      )
    ) {
      assert.ok(SERIES.has(name), `${name} in ${expr}`);
      used.add(name.replace(/_(bucket|sum|count)$/, ""));
      const row = Object.entries(METRIC_TABLE).find(([own]) => name.startsWith(own))![1];
      const labels = [...selectors.matchAll(/([a-z]+)=/g)].map(([, label]) => label);
      const known = ["job", "instance", ...row.labels];
      assert.deepEqual(labels.filter((label) => !known.includes(label)), [], expr);
    }
  }
  const boring = ["build_info", "draining", "group_sessions", "group_sessions_limit"];
  assert.ok(used.size > 25, `${used.size} metrics are drawn or watched; ${boring} need not be`);
});

Deno.test("deploy/ sets environment names that there are", async () => {
  for (const file of ["Dockerfile", "kafka-proxy.service", "kubernetes.yaml"]) {
    const text = await repositoryText(`deploy/${file}`);
    const names = [...text.matchAll(/\bKAFKA_PROXY_[A-Z_]+/g)].map(([name]) => name);
    assert.ok(names.length > 0, file);
    for (const name of names) assert.ok(ENVIRONMENT.includes(name), `${name} in ${file}`);
  }
});

interface Manifest {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: { readonly name: string };
  readonly spec?: Record<string, unknown>;
}

/** What the manifests say, by kind. */
async function manifests(): Promise<Map<string, Manifest>> {
  const documents = parseAllDocuments(await repositoryText("deploy/kubernetes.yaml"));
  return new Map(documents.map((document) => {
    assert.deepEqual(document.errors, []);
    const manifest: Manifest = document.toJS();
    return [manifest.kind, manifest];
  }));
}

Deno.test("deploy/kubernetes.yaml gives a drain the time it takes, and probes the right paths", async () => {
  const found = await manifests();
  assert.deepEqual([...found.keys()], [
    "ConfigMap",
    "Secret",
    "Deployment",
    "Service",
    "PodDisruptionBudget",
  ]);
  const config = found.get("ConfigMap") as unknown as { data: Record<string, string> };
  for (const value of Object.values(config.data)) assert.equal(typeof value, "string");
  const deployment = found.get("Deployment") as unknown as {
    spec: {
      selector: { matchLabels: object };
      template: {
        metadata: { labels: object };
        spec: {
          terminationGracePeriodSeconds: number;
          containers: readonly Record<string, { httpGet: { path: string; port: string } }>[];
        };
      };
    };
  };
  const { selector, template } = deployment.spec;
  assert.deepEqual(selector.matchLabels, template.metadata.labels);
  const { terminationGracePeriodSeconds, containers } = template.spec;
  const drainMs = Number(config.data.KAFKA_PROXY_DRAIN_MS);
  const { default: drainTimeoutMs } = SETTINGS_TABLE.drainTimeoutMs;
  assert.ok(terminationGracePeriodSeconds * 1_000 > drainMs + 2 * drainTimeoutMs! + 1_800);
  const [{ livenessProbe, readinessProbe }] = containers;
  assert.deepEqual([livenessProbe.httpGet.path, readinessProbe.httpGet.path], [
    "/healthz",
    "/readyz",
  ]);
});

Deno.test("deploy/kafka-proxy.service gives a drain the time it takes", async () => {
  const text = await repositoryText("deploy/kafka-proxy.service");
  const number = (pattern: RegExp) => Number(pattern.exec(text)![1]);
  const stopMs = number(/^TimeoutStopSec=(\d+)$/m) * 1_000;
  const { default: drainTimeoutMs } = SETTINGS_TABLE.drainTimeoutMs;
  assert.ok(stopMs > number(/KAFKA_PROXY_DRAIN_MS=(\d+)/) + 2 * drainTimeoutMs! + 1_800);
});
