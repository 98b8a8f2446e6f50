import type { ApiGroups, ApiSessions, ApiTopics } from "../core/api.ts";
import type { Command } from "./command.ts";
import { type Flag, flagsText, type Given, readFlags } from "./flags.ts";
import { PROXY_FLAGS, type ProxyAddress, proxyAddress } from "./proxy_address.ts";
import { EXIT, misused, type Shell } from "./shell.ts";
import { textTable } from "./text_table.ts";

const JSON_FLAG: Flag = { name: "--json", short: "J", doc: "The answer as JSON" };
const TOPIC_FLAG: Flag = { name: "--topic", short: "t", value: "TOPIC", doc: "This topic only" };
const GROUP_FLAG: Flag = {
  name: "--group",
  short: "G",
  value: "GROUP",
  doc: "Partitions of this one",
};

/** A command that asks a running proxy for something and shows it. */
interface View {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly Flag[];
  readonly about: string;
  /** What is wrong with the flags, if anything. */
  readonly problem?: (given: Given) => string | undefined;
  readonly path: (given: Given) => string;
  /** Rows of the table, its head first; a text is a problem. */
  readonly rows: (answer: unknown, given: Given) => readonly (readonly string[])[] | string;
}

const VIEWS: readonly View[] = [
  {
    name: "topics",
    summary: "Lists the topics of the cluster, as a running proxy shows them",
    flags: [TOPIC_FLAG],
    about: "Those you may read or write.",
    path: (given) => `topics${topicQuery(given)}`,
    rows: (answer) => [
      ["TOPIC", "PARTITIONS", "RECORDS"],
      ...(answer as ApiTopics).topics.map(({ topic, partitions }) => [
        topic,
        `${partitions.length}`,
        sum(partitions.map(({ earliest, end }) => difference(end, earliest))),
      ]),
    ],
  },
  {
    name: "offsets",
    summary: "Shows where the partitions of a topic begin and end",
    flags: [TOPIC_FLAG],
    about: "-t is required.",
    problem: (given) => given.has("topic") ? undefined : "-t TOPIC is missing",
    path: (given) => `topics${topicQuery(given)}`,
    rows: (answer) => [
      ["TOPIC", "PARTITION", "LEADER", "EARLIEST", "END", "RECORDS"],
      ...(answer as ApiTopics).topics.flatMap(({ topic, partitions }) =>
        partitions.map(({ partition, leader, earliest, end }) => [
          topic,
          `${partition}`,
          `${leader ?? "-"}`,
          earliest ?? "-",
          end ?? "-",
          difference(end, earliest) ?? "-",
        ])
      ),
    ],
  },
  {
    name: "groups",
    summary: "Shows the groups that read through a running proxy, and their lag",
    flags: [GROUP_FLAG],
    about: "Those with clients of this process; it takes the right observe, or the same machine.",
    path: () => "groups",
    rows: (answer, given) => {
      const { groups } = answer as ApiGroups;
      const name = given.text("group");
      if (name === undefined) {
        return [
          ["GROUP", "KIND", "MEMBERS", "LAG"],
          ...groups.map(({ group, kind, members, lag }) => [group, kind, `${members}`, lag]),
        ];
      }
      const found = groups.find(({ group }) => group === name);
      if (found === undefined) return `nobody reads for the group ${name} through this proxy`;
      return [
        ["GROUP", "TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "SESSION"],
        ...found.partitions.map(({ topic, partition, committed, end, lag, session }) => [
          name,
          topic,
          `${partition}`,
          committed ?? "-",
          end,
          lag,
          session ?? "-",
        ]),
      ];
    },
  },
  {
    name: "sessions",
    summary: "Shows the clients of a running proxy, slow ones first",
    flags: [],
    about: "It takes the right observe, or the same machine.",
    path: () => "sessions",
    rows: (answer) => [
      ["SESSION", "STATE", "PROTOCOL", "PRINCIPAL", "ADDRESS", "GROUP", "LAG", "BUFFERED", "SENT"],
      ...(answer as ApiSessions).sessions.map((one) => [
        one.session,
        one.state,
        one.protocol,
        one.principal,
        one.address,
        [...new Set(one.subscriptions.map(({ group }) => group ?? "-"))].join() || "-",
        one.lag,
        `${one.bufferedBytes}`,
        `${one.sentRecords}`,
      ]),
    ],
  },
];

/** `kafka-proxy topics`, `offsets`, `groups`, `sessions`: over the HTTP side of a running proxy. */
export const API_COMMANDS: readonly Command[] = VIEWS.map((view): Command => {
  const flags = [...view.flags, JSON_FLAG, ...PROXY_FLAGS];
  return {
    name: view.name,
    summary: view.summary,
    usage: `Usage: kafka-proxy ${view.name} [flags]

${view.summary}.
${view.about}

${flagsText(flags)}`,
    run: (shell) => show(shell, view, flags),
  };
});

async function show(shell: Shell, view: View, flags: readonly Flag[]): Promise<number> {
  const help = `${view.name} --help`;
  const given = readFlags(flags, shell.args);
  if (typeof given === "string") return misused(shell, [given], help);
  const problem = view.problem?.(given);
  if (problem !== undefined) return misused(shell, [problem], help);
  const address = await proxyAddress(given, shell);
  if (typeof address === "string") return misused(shell, [address], help);
  const answer = await askApi(address, view.path(given));
  if (typeof answer === "string") {
    shell.complain(answer);
    return EXIT.failed;
  }
  const rows = view.rows(answer.body, given);
  if (typeof rows === "string") {
    shell.complain(rows);
    return EXIT.failed;
  }
  shell.print(given.has("json") ? JSON.stringify(answer.body) : textTable(rows));
  return EXIT.done;
}

/** Asks a running proxy; a text says why there is no answer. */
export async function askApi(
  { httpUrl, headers }: ProxyAddress,
  path: string,
  method = "GET",
): Promise<{ body: unknown } | string> {
  const url = new URL(path.startsWith("/") ? path : `/api/${path}`, httpUrl);
  let response: Response;
  try {
    response = await fetch(url, { method, headers: { ...headers } });
  } catch (error) {
    return `Cannot reach the proxy at ${httpUrl}: ${(error as Error).message}`;
  }
  const text = await response.text();
  let body: { error?: { code: string; message: string } };
  try {
    body = JSON.parse(text);
  } catch {
    return `${url} answered ${response.status}, and no JSON: is it kafka-proxy?`;
  }
  if (response.ok) return { body };
  return `${response.status} ${body.error?.code ?? ""}: ${body.error?.message ?? text}`;
}

function topicQuery(given: Given): string {
  const topic = given.text("topic");
  return topic === undefined ? "" : `?${new URLSearchParams({ topic })}`;
}

function difference(end: string | undefined, earliest: string | undefined): string | undefined {
  if (end === undefined || earliest === undefined) return undefined;
  return `${BigInt(end) - BigInt(earliest)}`;
}

function sum(counts: readonly (string | undefined)[]): string {
  if (counts.includes(undefined)) return "-";
  return `${counts.reduce((all, one) => all + BigInt(one!), 0n)}`;
}
