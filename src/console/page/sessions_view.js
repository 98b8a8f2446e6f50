import { ask, poll } from "./api.js";
import { bytes, digits, h, table, timeOfDay } from "./dom.js";

/** What a session's state looks like. */
const STATE_CLASS = {
  stalled: "bad",
  slow: "bad",
  catching_up: "warn",
  waiting: "quiet",
  live: "good",
};

/** Partitions of a subscription that are shown; the others are in the tooltip. */
const MOST_PLACES = 4;

/** Who is connected, the slow ones first, and how far the groups are. */
export function sessionsView({ me, signal }) {
  const mayEnd = me.operations.includes("admin");
  const problem = h("p", { role: "alert", className: "bad" });
  const sessions = table("Sessions, slow ones first", [
    { name: "State" },
    { name: "Principal" },
    { name: "Address" },
    { name: "Protocol" },
    { name: "Since" },
    { name: "Reads" },
    { name: "Next offsets" },
    { name: "Lag", isNumber: true },
    { name: "Buffered", isNumber: true },
    { name: "Sent", isNumber: true },
    { name: "Produced", isNumber: true },
    ...(mayEnd ? [{ name: "" }] : []),
  ]);
  const groups = table("Groups read through this process", [
    { name: "Group" },
    { name: "Kind" },
    { name: "Members", isNumber: true },
    { name: "Lag", isNumber: true },
    { name: "Positions" },
  ]);
  const end = async (session, button) => {
    button.disabled = true;
    try {
      await ask(`/api/sessions/${encodeURIComponent(session)}`, { method: "DELETE" });
    } catch (error) {
      problem.textContent = error.message;
    }
  };
  poll("/api/sessions", 2_000, (answer, error) => {
    problem.textContent = error?.message ?? "";
    if (answer === undefined) return;
    sessions.show(answer.sessions.map((each) => [
      h("span", { className: STATE_CLASS[each.state] ?? "" }, each.state.replace("_", " ")),
      each.principal,
      each.address,
      each.protocol,
      timeOfDay(each.openedMs).slice(0, 8),
      each.subscriptions.map(({ group, positions }) => {
        const topics = [...new Set(positions.map(({ topic }) => topic))].join(", ");
        return group === undefined ? topics : `${topics} as ${group}`;
      }).join("; "),
      each.subscriptions.map((read) => places(read.positions)),
      digits(each.lag),
      bytes(each.bufferedBytes),
      digits(each.sentRecords),
      digits(each.producedRecords),
      ...(mayEnd
        ? [h("button", {
          type: "button",
          "data-key": each.session,
          "aria-label": `Disconnect ${each.principal} at ${each.address}`,
          onclick: ({ currentTarget }) => end(each.session, currentTarget),
        }, "Disconnect")]
        : []),
    ]));
  }, signal);
  poll("/api/groups", 2_000, (answer) => {
    groups.show((answer?.groups ?? []).map(({ group, kind, members, lag, partitions }) => [
      group,
      kind,
      String(members),
      digits(lag),
      partitions.map(({ topic, partition, committed, end }) =>
        `${topic}/${partition}: ${committed ?? "none"} of ${end}`
      ).join(", "),
    ]));
  }, signal);
  return h(
    "div",
    {},
    h("h2", {}, "Sessions and groups"),
    problem,
    h("h3", {}, "Sessions"),
    sessions.element,
    h("h3", {}, "Groups read through this process"),
    h(
      "p",
      { className: "quiet" },
      "Kafka has others: those of other processes and of clients of its own are not shown.",
    ),
    groups.element,
  );
}

/** Where a subscription stands, such as `0: 1,234 · 1: 88`; with several topics their names too. */
function places(positions) {
  const isOne = new Set(positions.map(({ topic }) => topic)).size === 1;
  const said = positions.map(({ topic, partition, next }) =>
    `${isOne ? "" : `${topic}/`}${partition}: ${digits(next)}`
  );
  const more = said.length - MOST_PLACES;
  const shown = said.slice(0, MOST_PLACES).join(" · ");
  return h("div", { title: said.join(" · ") }, more > 0 ? `${shown} … ${more} more` : shown);
}
