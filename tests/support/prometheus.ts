import { freePorts } from "../kafka/free_ports.ts";
import { eventually } from "./eventually.ts";

/** What Prometheus scrapes. */
export interface PrometheusOptions {
  /** `host:port` of each. */
  readonly targets: readonly string[];
  readonly intervalSeconds: number;
}

/** An answer to an instant query: labels and value of each series. */
export type Vector = readonly { readonly labels: Record<string, string>; readonly value: number }[];

/**
 * A real Prometheus (Debian's package) that scrapes targets into a folder of its own.
 *
 * ```ts ignore
 * await using prometheus = await Prometheus.start({ targets: ["127.0.0.1:9999"], intervalSeconds: 1 });
 * const [{ value }] = await prometheus.query("sum(kafka_proxy_sockets)");
 * ```
 */
export class Prometheus implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #folder: string;
  readonly #url: string;

  private constructor(child: Deno.ChildProcess, folder: string, url: string) {
    this.#child = child;
    this.#folder = folder;
    this.#url = url;
  }

  /** Starts it, and waits until it has scraped every target. */
  static async start({ targets, intervalSeconds }: PrometheusOptions): Promise<Prometheus> {
    const folder = await Deno.makeTempDir({ prefix: "kafka-proxy-prometheus-" });
    const [port] = freePorts(1);
    const config = {
      global: { scrape_interval: `${intervalSeconds}s`, scrape_timeout: `${intervalSeconds}s` },
      scrape_configs: [{ job_name: "kafka-proxy", static_configs: [{ targets }] }],
    };
    await Deno.writeTextFile(`${folder}/prometheus.yml`, JSON.stringify(config));
    const address = `127.0.0.1:${port}`;
    const child = new Deno.Command("prometheus", {
      args: [
        `--config.file=${folder}/prometheus.yml`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=${address}`,
        "--log.level=error",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const prometheus = new Prometheus(child, folder, `http://${address}`);
    await eventually("Prometheus to be ready", async () => {
      try {
        const answer = await fetch(`http://${address}/-/ready`);
        await answer.body?.cancel();
        return answer.ok;
      } catch {
        return false; // it does not listen yet
      }
    }, { timeoutMs: 30_000 });
    await eventually("Prometheus to scrape", async () => {
      const up = await prometheus.query("up == 1");
      return up.length === targets.length;
    }, { timeoutMs: 30_000, everyMs: 100 });
    return prometheus;
  }

  /** Asks a query as of now. */
  async query(expr: string): Promise<Vector> {
    const url = `${this.#url}/api/v1/query?${new URLSearchParams({ query: expr })}`;
    const { status, data } = await (await fetch(url)).json();
    if (status !== "success") throw new Error(`Prometheus did not answer ${expr}`);
    return data.result.map(
      (
        { metric, value: [, text] }: { metric: Record<string, string>; value: [number, string] },
      ) => ({
        labels: metric,
        value: Number(text),
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#child.status;
    await Deno.remove(this.#folder, { recursive: true });
  }
}
