import { VERSION } from "../core/version.ts";
import CLIENT_JS from "../client/bundle/client.js" with { type: "text" };
import CLIENT_TYPES from "../client/bundle/client.d.ts" with { type: "text" };

import API_JS from "./page/api.js" with { type: "text" };
import CHART_JS from "./page/chart.js" with { type: "text" };
import CHARTS_VIEW_JS from "./page/charts_view.js" with { type: "text" };
import CONSOLE_CSS from "./page/console.css" with { type: "text" };
import DOM_JS from "./page/dom.js" with { type: "text" };
import FIGURES_JS from "./page/figures.js" with { type: "text" };
import INDEX_HTML from "./page/index.html" with { type: "text" };
import JSON_TREE_JS from "./page/json_tree.js" with { type: "text" };
import LIVE_VIEW_JS from "./page/live_view.js" with { type: "text" };
import MAIN_JS from "./page/main.js" with { type: "text" };
import PRODUCE_VIEW_JS from "./page/produce_view.js" with { type: "text" };
import RECORD_DETAIL_JS from "./page/record_detail.js" with { type: "text" };
import RECORD_LIST_JS from "./page/record_list.js" with { type: "text" };
import RECORD_TEXT_JS from "./page/record_text.js" with { type: "text" };
import RECORD_WINDOW_JS from "./page/record_window.js" with { type: "text" };
import SESSIONS_VIEW_JS from "./page/sessions_view.js" with { type: "text" };
import SIGN_IN_VIEW_JS from "./page/sign_in_view.js" with { type: "text" };
import TOPICS_VIEW_JS from "./page/topics_view.js" with { type: "text" };

/** A file that the server has with it, in a binary too. */
export interface Asset {
  /** `Content-Type`. */
  readonly type: string;
  readonly text: string;
  /** `ETag`: another for another text. */
  readonly tag: string;
}

const SCRIPT = "text/javascript; charset=utf-8";

/** The client library as browsers load it, and its types, by path. */
export const CLIENT_ASSETS: Readonly<Record<string, Asset>> = {
  "/client.js": asset(SCRIPT, CLIENT_JS),
  "/client.d.ts": asset("text/plain; charset=utf-8", CLIENT_TYPES),
};

/** The console: the page at `/`, and what it loads, by path. */
export const CONSOLE_ASSETS: Readonly<Record<string, Asset>> = {
  "/": asset("text/html; charset=utf-8", INDEX_HTML),
  "/console/api.js": asset(SCRIPT, API_JS),
  "/console/chart.js": asset(SCRIPT, CHART_JS),
  "/console/charts_view.js": asset(SCRIPT, CHARTS_VIEW_JS),
  "/console/console.css": asset("text/css; charset=utf-8", CONSOLE_CSS),
  "/console/dom.js": asset(SCRIPT, DOM_JS),
  "/console/figures.js": asset(SCRIPT, FIGURES_JS),
  "/console/json_tree.js": asset(SCRIPT, JSON_TREE_JS),
  "/console/live_view.js": asset(SCRIPT, LIVE_VIEW_JS),
  "/console/main.js": asset(SCRIPT, MAIN_JS),
  "/console/produce_view.js": asset(SCRIPT, PRODUCE_VIEW_JS),
  "/console/record_detail.js": asset(SCRIPT, RECORD_DETAIL_JS),
  "/console/record_list.js": asset(SCRIPT, RECORD_LIST_JS),
  "/console/record_text.js": asset(SCRIPT, RECORD_TEXT_JS),
  "/console/record_window.js": asset(SCRIPT, RECORD_WINDOW_JS),
  "/console/sessions_view.js": asset(SCRIPT, SESSIONS_VIEW_JS),
  "/console/sign_in_view.js": asset(SCRIPT, SIGN_IN_VIEW_JS),
  "/console/topics_view.js": asset(SCRIPT, TOPICS_VIEW_JS),
};

function asset(type: string, text: string): Asset {
  return { type, text, tag: `"${VERSION}-${checksum(text)}"` };
}

/** FNV-1a, 32 bits: tells one version of a file from the next. */
function checksum(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16);
}
