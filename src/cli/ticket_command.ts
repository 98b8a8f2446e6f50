import { quoted } from "../core/quoted.ts";
import { didYouMean } from "../config/suggest.ts";
import type { Command } from "./command.ts";
import { EXIT, misused, type Shell } from "./shell.ts";

/** Flags whose names are rights. */
const RIGHTS = ["consume", "produce", "group"] as const;

const DEFAULT_URL = "http://127.0.0.1:9999";

/** For the server's answer, in ms. */
const TIMEOUT_MS = 10_000;

/** `kafka-proxy ticket`: asks a server for a ticket, and prints it. */
export const TICKET: Command = {
  name: "ticket",
  summary: "Asks a server for a ticket, good for one connection within 30 s",
  usage: `Usage:
  kafka-proxy ticket [--url URL] [--consume NAMES] [--produce NAMES] [--group NAMES]

Prints a ticket: ws://HOST:PORT/?topic=NAME&ticket=TICKET opens with it, once. With --consume,
--produce or --group (names, beginnings such as orders*, separated by commas) it allows nothing
else, and never more than the credentials it is asked for with.

  --url URL         the server; ${DEFAULT_URL}, or KAFKA_PROXY_URL

The credentials come from the environment: KAFKA_PROXY_TOKEN is sent as Bearer, KAFKA_PROXY_AUTH is
the shared secret, or user:password where there are users.
`,
  async run(shell) {
    const parsed = parse(shell.args);
    if (parsed.problems.length > 0) {
      return misused(shell, parsed.problems, "ticket --help says more");
    }
    const base = parsed.url ?? shell.env.KAFKA_PROXY_URL ?? DEFAULT_URL;
    const url = URL.parse("/tickets", base.replace(/^ws/, "http"));
    if (url === null || !/^https?:$/.test(url.protocol)) {
      return misused(
        shell,
        [`${quoted(base)} is no address of a server`],
        "ticket --help says more",
      );
    }
    return await ask(shell, url, parsed.rights);
  },
};

async function ask(shell: Shell, url: URL, rights: Record<string, string[]>): Promise<number> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: credentials(shell.env),
      body: Object.keys(rights).length === 0 ? undefined : JSON.stringify(rights),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    const answer = JSON.parse(text);
    if (response.status === 201) {
      shell.print(answer.ticket);
      return EXIT.done;
    }
    shell.complain(`${url.host} answers ${response.status}: ${answer.error?.message ?? text}`);
  } catch (error) {
    shell.complain(
      `${url.host} gives no ticket: ${error instanceof Error ? error.message : error}`,
    );
  }
  return EXIT.failed;
}

function credentials({ KAFKA_PROXY_TOKEN: token, KAFKA_PROXY_AUTH: auth }: Shell["env"]) {
  const headers = new Headers();
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  else if (auth !== undefined) {
    const bytes = new TextEncoder().encode(auth.includes(":") ? auth : `:${auth}`);
    headers.set("authorization", `Basic ${btoa(String.fromCharCode(...bytes))}`);
  }
  return headers;
}

function parse(args: readonly string[]) {
  const problems: string[] = [];
  const rights: Record<string, string[]> = {};
  let url: string | undefined;
  for (let at = 0; at < args.length; at++) {
    const [flag, inline] = args[at].split(/=(.*)/s);
    const name = RIGHTS.find((right) => flag === `--${right}`);
    if (name === undefined && flag !== "--url") {
      const flags = ["--url", ...RIGHTS.map((right) => `--${right}`)];
      problems.push(`${quoted(flag)} is not a flag of ticket${didYouMean(flag, flags)}`);
      continue;
    }
    const value = inline ?? args[++at];
    if (value === undefined || value === "") problems.push(`${flag} needs a value`);
    else if (name === undefined) url = value;
    else (rights[name] ??= []).push(...value.split(",").map((each) => each.trim()));
  }
  return { problems, rights, url };
}
