import { ask } from "./api.js";
import { bytes, digits, fill, h } from "./dom.js";
import { recordDetail } from "./record_detail.js";
import { gapItem, RecordList } from "./record_list.js";
import { matcher } from "./record_text.js";
import { MOST_BYTES, MOST_RECORDS, ownRecord, RecordWindow } from "./record_window.js";

/** What may be kept of a stream; a filter and a pause may each keep as much again. */
const KEPT = `The newest ${digits(MOST_RECORDS)} records or ${bytes(MOST_BYTES)}: older ones go`;

/** Records on their way or waiting. */
const CREDIT = 4_000;

/** New records are shown so often. */
const SHOW_MS = 100;

/** The page gets its turn after so long. */
const TURN_MS = 8;

const STARTS = {
  latest: "what comes from now on",
  last: "the last N of each partition",
  earliest: "everything",
  offset: "an offset",
  time: "a time",
};

/** A topic as it flows. */
export function liveView({ client, query, signal, setQuery }) {
  const topic = h("select", { required: true, "aria-label": "Topic" });
  const partition = h("select", { "aria-label": "Partition" });
  const start = h(
    "select",
    { "aria-label": "Start at" },
    Object.entries(STARTS).map(([value, text]) => h("option", { value }, text)),
  );
  const place = h("input", { size: 16, "aria-label": "Number or time" });
  const filter = h("input", {
    type: "search",
    id: "filter",
    placeholder: "text, key:…, header:…, value:…",
    "aria-label": "Filter",
  });
  const follow = h("button", { type: "button", "aria-pressed": "true" }, "Follow");
  const go = h("button", { className: "main" }, "Read");
  const total = h("b", {}, "0");
  const rate = h("b", {}, "0");
  const shown = h("b", {}, "0");
  const keptCount = h("b", {}, "0");
  const keptBytes = h("b", {}, "0 B");
  const missing = h("b", {}, "0");
  const problem = h("p", { role: "alert", className: "bad" });
  const split = h("div", { className: "split" });
  const list = new RecordList({
    onChoose: (item) => choose(item),
    onScrollBack: () => setFollow(false),
  });
  const form = h(
    "form",
    { className: "bar", onsubmit: (event) => (event.preventDefault(), read()) },
    h("label", {}, "Topic", topic),
    h("label", {}, "Partition", partition),
    h("label", {}, "Start at", start),
    h("label", { id: "place" }, "Number or time", place),
    go,
    h("label", { className: "wide" }, "Filter", filter),
    follow,
  );
  split.append(list.element);

  let all = new RecordWindow();
  let kept = all; // what the filter lets through: older ones too, when it is rarely met
  let frozen; // what is shown while paused
  let matches;
  let counted = 0;
  let countedBefore = 0;
  let gaps = 0n;
  let subscription;
  let topics = [];

  const setFollow = (value) => {
    if (list.isFollowing === value) return;
    list.isFollowing = value;
    follow.setAttribute("aria-pressed", String(value));
    frozen = value ? undefined : kept.items;
    list.show(frozen ?? kept.items);
  };
  const choose = (item) => {
    // The list stays where it is: taken out and put back it would lose the focus.
    if (split.lastChild !== list.element) split.lastChild.remove();
    const isRecord = item !== undefined && item.gap === undefined;
    split.classList.toggle("open", isRecord);
    if (!isRecord) return;
    setFollow(false);
    split.append(recordDetail(item, { onClose: () => list.choose(undefined) }));
  };
  const add = (item) => {
    all.add(item);
    if (kept !== all && (item.gap !== undefined || matches(item))) kept.add(item);
  };
  const refilter = () => {
    matches = matcher(filter.value);
    kept = all;
    if (matches !== undefined) {
      kept = new RecordWindow();
      for (const item of all.items) if (item.gap !== undefined || matches(item)) kept.add(item);
    }
    if (frozen !== undefined) frozen = kept.items;
    list.show(frozen ?? kept.items);
  };

  const read = async () => {
    await subscription?.close();
    problem.textContent = "";
    all = new RecordWindow();
    frozen = undefined;
    counted = countedBefore = 0;
    gaps = 0n;
    refilter();
    choose(undefined);
    setFollow(true);
    const name = topic.value;
    if (name === "") return;
    setQuery({ topic: name, partition: partition.value, start: start.value, at: place.value });
    let from;
    try {
      from = startOf(
        start.value,
        place.value.trim(),
        topics.find((each) => each.topic === name),
        partition.value,
      );
    } catch (error) {
      problem.textContent = error.message;
      return;
    }
    const current = subscription = client.subscribe({
      topics: [name],
      partitions: partition.value === "" ? undefined : [Number(partition.value)],
      from,
      onRange: "earliest",
      credit: CREDIT,
      decode: (value) => value,
      decodeKey: (key) => key,
      onGap: (gap) => {
        gaps += gap.to - gap.from;
        add(gapItem(gap));
      },
      signal,
    });
    try {
      let turnMs = performance.now();
      for await (const record of current) {
        if (current !== subscription) return;
        counted++;
        add(ownRecord(record));
        if ((counted & 63) === 0 && performance.now() - turnMs > TURN_MS) {
          await new Promise((resolve) => setTimeout(resolve));
          turnMs = performance.now();
        }
      }
    } catch (error) {
      if (!signal.aborted && current === subscription) problem.textContent = error.message;
    }
  };

  follow.addEventListener("click", () => setFollow(!list.isFollowing));
  filter.addEventListener("input", refilter);
  start.addEventListener("change", () => showPlace());
  topic.addEventListener("change", () => showPartitions());
  const showPlace = () => {
    const isNeeded = ["last", "offset", "time"].includes(start.value);
    form.querySelector("#place").hidden = !isNeeded;
    place.required = isNeeded;
    place.placeholder = { last: "100", offset: "0", time: "2026-01-31T09:30:00Z" }[start.value] ??
      "";
  };
  const showPartitions = () => {
    const found = topics.find((each) => each.topic === topic.value);
    const chosen = partition.value;
    fill(
      partition,
      h("option", { value: "" }, "all"),
      (found?.partitions ?? []).map((each) => h("option", {}, String(each.partition))),
    );
    partition.value = [...partition.options].some(({ value }) => value === chosen) ? chosen : "";
  };

  // New records are shown ten times a second: more nobody can read. Scrolling is drawn each frame.
  let frame;
  let shownMs = 0;
  const tick = (nowMs) => {
    frame = requestAnimationFrame(tick);
    if (nowMs - shownMs >= SHOW_MS) {
      shownMs = nowMs;
      if (frozen === undefined) list.show(kept.items);
      total.textContent = digits(counted);
      shown.textContent = digits(frozen?.length ?? kept.count);
      keptCount.textContent = digits(all.count);
      keptBytes.textContent = bytes(all.bytes);
      missing.textContent = digits(gaps);
    }
    list.draw();
  };
  frame = requestAnimationFrame(tick);
  const timer = setInterval(() => {
    rate.textContent = digits(counted - countedBefore);
    countedBefore = counted;
  }, 1_000);
  signal.addEventListener("abort", () => {
    cancelAnimationFrame(frame);
    clearInterval(timer);
    list.end();
    void subscription?.close();
  });

  void (async () => {
    try {
      topics = (await ask("/api/topics", { signal })).topics.filter(({ consume }) => consume);
    } catch (error) {
      if (!signal.aborted) problem.textContent = error.message;
      return;
    }
    fill(topic, topics.map((each) => h("option", {}, each.topic)));
    if (query.get("topic") !== null) topic.value = query.get("topic");
    showPartitions();
    partition.value = query.get("partition") ?? "";
    if (query.get("start") in STARTS) start.value = query.get("start");
    place.value = query.get("at") ?? "";
    showPlace();
    if (query.get("topic") !== null) void read();
  })();
  showPlace();

  return h(
    "div",
    {},
    h("h2", {}, "Live"),
    form,
    problem,
    h(
      "p",
      { className: "figures" },
      h("span", {}, "received ", total),
      h("span", {}, rate, " a second"),
      h("span", {}, "shown ", shown),
      h("span", { title: KEPT }, "kept ", keptCount, ", ", keptBytes),
      h("span", {}, "missing ", missing),
    ),
    split,
  );
}

function startOf(start, text, topic, partition) {
  if (start === "latest" || start === "earliest") return start;
  if (start === "last") {
    if (!/^[1-9]\d*$/.test(text)) throw new Error("Wanted a number of records, from 1");
    return `-${text}`;
  }
  if (start === "time") {
    const ms = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
    if (!Number.isFinite(ms)) throw new Error("Wanted a time such as 2026-01-31T09:30:00Z");
    return `ts:${ms}`;
  }
  if (!/^\d+$/.test(text)) throw new Error("Wanted an offset, from 0");
  const wanted = (topic?.partitions ?? []).map((each) => each.partition)
    .filter((number) => partition === "" || number === Number(partition));
  return { [topic.topic]: Object.fromEntries(wanted.map((number) => [number, BigInt(text)])) };
}
