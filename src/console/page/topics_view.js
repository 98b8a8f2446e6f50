import { ask, poll } from "./api.js";
import { draw } from "./chart.js";
import { digits, h, table } from "./dom.js";

/** Rates a sparkline shows. */
const MOST_RATES = 60;

/**
 * Records a topic has had, and has: undefined where it is not said, of topics one may only write to
 * and of those beyond the first 200.
 */
function countsOf({ partitions }) {
  const isSaid = partitions.every(({ earliest, end }) =>
    earliest !== undefined && end !== undefined
  );
  if (partitions.length === 0 || !isSaid) return undefined;
  const sum = (name) => partitions.reduce((total, each) => total + BigInt(each[name]), 0n);
  const end = sum("end");
  return { end, records: end - sum("earliest") };
}

/** Every topic: its partitions, what is in it, how it grows, and how far behind its groups are. */
export function topicsView({ me, signal }) {
  const problem = h("p", { role: "alert", className: "bad" });
  const filter = h("input", { type: "search", id: "filter", "aria-label": "Filter by name" });
  const list = table("Topics", [
    { name: "Topic" },
    { name: "Partitions", isNumber: true },
    { name: "Records", isNumber: true },
    { name: "A second", isNumber: true },
    { name: "Growth" },
    { name: "Lag of groups read here" },
    { name: "" },
  ]);
  const parts = table("Partitions", [
    { name: "Partition", isNumber: true },
    { name: "Earliest", isNumber: true },
    { name: "End", isNumber: true },
    { name: "Leader", isNumber: true },
  ]);
  const chosenName = h("h3", { hidden: true });
  parts.element.hidden = true;
  const history = new Map(); // topic to its ends, its rates and its sparkline
  let answer;
  let groups = [];
  let chosen;

  const show = () => {
    if (answer === undefined) return;
    const wanted = filter.value.trim().toLowerCase();
    const rows = answer.topics.filter(({ topic }) => topic.toLowerCase().includes(wanted));
    list.show(rows.map((each) => row(each)));
    for (const { topic } of rows) {
      const { spark, rates } = history.get(topic);
      draw(spark, rates, { points: MOST_RATES, isSpark: true });
    }
    const found = answer.topics.find(({ topic }) => topic === chosen);
    parts.element.hidden = chosenName.hidden = found === undefined;
    if (found === undefined) return;
    chosenName.textContent = `Partitions of ${chosen}`;
    parts.show(
      found.partitions.map(({ partition, earliest, end, leader }) => [
        String(partition),
        digits(earliest ?? "?"),
        digits(end ?? "?"),
        leader === undefined ? "none" : String(leader),
      ]),
    );
  };
  const row = (each) => {
    const { topic, partitions, consume, produce } = each;
    const { rates, spark } = history.get(topic);
    const lags = groups.flatMap(({ group, partitions }) => {
      const own = partitions.filter((each) => each.topic === topic);
      if (own.length === 0) return [];
      const lag = own.reduce((total, each) => total + BigInt(each.lag), 0n);
      return [`${group}: ${digits(lag)}`];
    });
    return [
      h("button", {
        type: "button",
        "data-key": `topic ${topic}`,
        "aria-expanded": String(topic === chosen),
        onclick: () => {
          chosen = topic === chosen ? undefined : topic;
          show();
          void lookUpChosen(answer).then(show);
        },
      }, topic),
      consume ? String(partitions.length) : "?",
      digits(countsOf(each)?.records ?? "?"),
      rates.at(-1) === undefined ? "–" : digits(Math.round(rates.at(-1))),
      spark,
      lags.join(", "),
      [
        consume && h("a", {
          href: `#/live?topic=${encodeURIComponent(topic)}&start=last&at=100`,
          "data-key": `live ${topic}`,
        }, "Live"),
        consume && produce && " ",
        produce && h("a", {
          href: `#/produce?topic=${encodeURIComponent(topic)}`,
          "data-key": `produce ${topic}`,
        }, "Produce"),
      ].filter(Boolean),
    ];
  };

  /** Of many topics only one that is asked for by name has its offsets looked up. */
  const lookUpChosen = async ({ topics }) => {
    const found = topics.find(({ topic }) => topic === chosen);
    if (!found?.consume || countsOf(found) !== undefined) return;
    try {
      const path = `/api/topics?topic=${encodeURIComponent(found.topic)}`;
      const { topics: [known] } = await ask(path, { signal });
      // It may have been deleted meanwhile.
      if (known !== undefined) found.partitions = known.partitions;
    } catch (error) {
      if (!signal.aborted) problem.textContent = error.message;
    }
  };
  const grow = (each, ms) => {
    const end = countsOf(each)?.end;
    let past = history.get(each.topic);
    if (past === undefined) {
      const label = `Growth of ${each.topic}`;
      const spark = h("canvas", { className: "spark", role: "img", "aria-label": label });
      history.set(each.topic, past = { rates: [], spark });
    } else if (ms > past.ms) {
      const isKnown = end !== undefined && past.end !== undefined;
      past.rates.push(
        isKnown ? Math.max(0, Number(end - past.end) * 1_000 / (ms - past.ms)) : undefined,
      );
      if (past.rates.length > MOST_RATES) past.rates.shift();
    }
    past.end = end;
    past.ms = ms;
  };

  poll("/api/topics", 2_000, async (found, error) => {
    problem.textContent = error?.message ?? "";
    if (found === undefined) return;
    await lookUpChosen(found);
    for (const each of found.topics) grow(each, found.timestampMs);
    answer = found;
    show();
  }, signal);
  if (me.operations.includes("observe")) {
    poll("/api/groups", 2_000, (found) => {
      groups = found?.groups ?? [];
    }, signal);
  }
  filter.addEventListener("input", show);
  return h(
    "div",
    {},
    h("h2", {}, "Topics"),
    h("div", { className: "bar" }, h("label", { className: "wide" }, "Filter", filter)),
    problem,
    list.element,
    chosenName,
    parts.element,
  );
}
