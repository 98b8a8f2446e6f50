import { authorization } from "./api.js";
import { bytes, fill, h } from "./dom.js";
import { formatted, jsonTree, parseExact } from "./json_tree.js";
import { asJson, asKcat, asWscat, hexDump, isText, textOf, timeOf } from "./record_text.js";

/** Values larger than this are shown in part, and not as a tree. */
const MOST_BYTES = 1 << 20;

/** The chosen record: its place, key and headers, its value as a tree, text or hex, and to copy. */
export function recordDetail(record, { onClose }) {
  const { topic, partition, offset, timestamp, key, value, headers } = record;
  const said = h("span", { role: "status", className: "quiet" });
  const copy = (name, text) =>
    h("button", {
      type: "button",
      onclick: async () => {
        await copyText(text());
        said.textContent = `Copied ${name}`;
      },
    }, `Copy ${name}`);
  return h(
    "section",
    { className: "detail", "aria-label": "Record", tabIndex: 0 },
    h(
      "div",
      { className: "bar" },
      copy("JSON", () => asJson(record)),
      copy("wscat", () => asWscat(record, { isSignedIn: authorization() !== undefined })),
      copy("kcat", () => asKcat(record)),
      h("button", { type: "button", onclick: onClose }, "Close"),
      said,
    ),
    h(
      "dl",
      {},
      ...pair("place", `${topic} / ${partition} / ${offset}`),
      ...pair("time", timeOf(timestamp)),
      ...pair("key", key === null ? "null" : isText(key) ? textOf(key) : hexDump(key)),
      ...headers.flatMap(([name, content]) =>
        pair(
          `header ${name}`,
          content === null ? "null" : isText(content) ? textOf(content) : hexDump(content),
        )
      ),
      ...pair("value", value === null ? "null (a tombstone)" : bytes(value.length)),
    ),
    value === null ? undefined : valueView(value),
  );
}

function valueView(value) {
  const shown = value.subarray(0, MOST_BYTES);
  const isBeginning = shown.length < value.length;
  const text = textOf(shown);
  const rest = isBeginning ? `\n… ${bytes(value.length - shown.length)} more` : "";
  const json = isBeginning ? undefined : parseExact(text);
  const forms = {
    Tree: json && (() => h("div", { className: "tree" }, jsonTree(json.value))),
    JSON: json && (() => h("pre", {}, formatted(json.value))),
    Text: () => h("pre", {}, text + rest),
    Hex: () => h("pre", {}, hexDump(value)),
  };
  const body = h("div", { role: "tabpanel", "aria-label": "Value" });
  const tabs = Object.entries(forms).filter(([, form]) => form !== undefined).map(
    ([name, form]) =>
      h("button", {
        type: "button",
        role: "tab",
        onclick: ({ currentTarget }) => {
          for (const tab of tabs) tab.setAttribute("aria-selected", tab === currentTarget);
          fill(body, form());
        },
      }, name),
  );
  const isBinary = json === undefined && !isText(shown, { isBeginning });
  (isBinary ? tabs.at(-1) : tabs[0]).click();
  if (body.childElementCount === 0) fill(body, (json === undefined ? forms.Text : forms.Tree)());
  return h(
    "div",
    {},
    h("div", { className: "bar", role: "tablist", "aria-label": "Forms of the value" }, tabs),
    body,
  );
}

function pair(name, value) {
  return [h("dt", {}, name), h("dd", {}, value)];
}

/** Pages without a secure context have no clipboard of their own. */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}
