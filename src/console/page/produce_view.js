import { ask } from "./api.js";
import { digits, fill, h, timeOfDay } from "./dom.js";

/** Results that are kept on the page. */
const MOST_RESULTS = 50;

/** Writes a record; its offset appears. */
export function produceView({ client, query, signal }) {
  const topic = h("select", { required: true });
  const partition = h("select");
  const key = h("input", { placeholder: "none" });
  const value = h("textarea", { spellcheck: false });
  const isNull = h("input", { type: "checkbox" });
  const headers = h("div", { className: "stack" });
  const send = h("button", { className: "main" }, "Produce");
  const said = h("p", { role: "status", id: "produced" });
  const results = h("ol", { reversed: true, "aria-label": "Produced" });
  let topics = [];

  const addHeader = () => {
    const name = h("input", { "aria-label": "Header name", placeholder: "name" });
    const content = h("input", { "aria-label": "Header value", placeholder: "value" });
    const line = h(
      "div",
      { className: "bar header" },
      name,
      content,
      h("button", { type: "button", onclick: () => line.remove() }, "Remove"),
    );
    headers.append(line);
    name.focus();
  };
  const produce = async () => {
    send.disabled = true;
    said.className = "";
    said.textContent = "Waiting for Kafka…";
    const name = topic.value;
    try {
      const place = await client.produce(name, {
        key: key.value === "" ? null : key.value,
        value: isNull.checked ? null : value.value,
        headers: [...headers.children].map((line) => {
          const [name, content] = line.querySelectorAll("input");
          return [name.value, content.value];
        }),
        partition: partition.value === "" ? undefined : Number(partition.value),
      }, { signal });
      said.className = "good";
      said.textContent = `Stored in partition ${place.partition} at offset ${digits(place.offset)}`;
      const at = encodeURIComponent(name);
      results.prepend(
        h(
          "li",
          {},
          `${timeOfDay(place.timestamp)} ${name}/${place.partition} `,
          h("a", {
            href: `#/live?topic=${at}&partition=${place.partition}&start=offset&at=${place.offset}`,
          }, `offset ${place.offset}`),
        ),
      );
      while (results.children.length > MOST_RESULTS) results.lastChild.remove();
    } catch (error) {
      said.className = "bad";
      said.textContent = error.outcome === "unknown"
        ? `Nobody can tell whether it is stored: ${error.message}`
        : `Not stored: ${error.message}`;
    }
    send.disabled = false;
  };
  const showPartitions = () => {
    const found = topics.find((each) => each.topic === topic.value);
    fill(
      partition,
      h("option", { value: "" }, "by key"),
      (found?.partitions ?? []).map((each) => h("option", {}, String(each.partition))),
    );
  };
  topic.addEventListener("change", showPartitions);
  isNull.addEventListener("change", () => value.disabled = isNull.checked);
  void (async () => {
    try {
      topics = (await ask("/api/topics", { signal })).topics.filter((each) => each.produce);
    } catch (error) {
      if (!signal.aborted) said.textContent = error.message;
      return;
    }
    fill(topic, topics.map((each) => h("option", {}, each.topic)));
    if (query.get("topic") !== null) topic.value = query.get("topic");
    showPartitions();
  })();
  return h(
    "div",
    {},
    h("h2", {}, "Produce"),
    h(
      "form",
      {
        className: "stack",
        onsubmit: (event) => (event.preventDefault(), produce()),
        onkeydown: (event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
            event.currentTarget.requestSubmit();
          }
        },
      },
      h("label", {}, "Topic", topic),
      h("label", {}, "Partition", partition),
      h("label", {}, "Key", key),
      h("label", {}, "Value", value),
      h("label", { className: "inline" }, isNull, "null: a tombstone"),
      headers,
      h(
        "div",
        { className: "bar" },
        send,
        h("button", { type: "button", onclick: addHeader }, "Add a header"),
      ),
    ),
    said,
    results,
  );
}
