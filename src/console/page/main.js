import { ApiError, ask, authorization, REFUSED, setAuthorization, socketToken } from "./api.js";
import { chartsView } from "./charts_view.js";
import { fill, h } from "./dom.js";
import { Figures } from "./figures.js";
import { liveView } from "./live_view.js";
import { produceView } from "./produce_view.js";
import { sessionsView } from "./sessions_view.js";
import { signInView } from "./sign_in_view.js";
import { topicsView } from "./topics_view.js";

/** The views, and the right that each needs: what the principal may not do is not shown. */
const VIEWS = {
  topics: { name: "Topics", make: topicsView },
  live: { name: "Live", needs: "consume", make: liveView },
  produce: { name: "Produce", needs: "produce", make: produceView },
  sessions: { name: "Sessions", needs: "observe", make: sessionsView },
  charts: { name: "Charts", needs: "observe", make: chartsView },
};

// The library as every page gets it; its path is the server's, not this file's neighbour.
const { KafkaProxyClient } = await import(new URL("/client.js", location.href));

const byId = (id) => document.getElementById(id);

let me;
let client;
let figures;
let session; // ends with it: the signed-in time
let shown; // ends with it: the view

/** Who the server takes us for, and what we may do: on some topic counts, where rights are by topic. */
async function whoAmI() {
  const found = await ask("/api/me");
  const operations = new Set(found.operations);
  try {
    const { topics } = await ask("/api/topics");
    for (const right of ["consume", "produce"]) {
      if (topics.some((each) => each[right])) operations.add(right);
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // Kafka is away: what is known by name alone is shown.
  }
  return { ...found, operations: [...operations] };
}

/** Who we are, and everything that hangs on it. */
function begin(found) {
  me = found;
  session = new AbortController();
  const hasToken = authorization() !== undefined;
  client = new KafkaProxyClient(new URL("/", location.href), {
    token: hasToken ? socketToken : undefined,
    signal: session.signal,
  });
  void follow(client, session.signal);
  if (me.operations.includes("observe")) figures = new Figures(session.signal);
  fill(
    byId("who"),
    h("span", { className: "quiet" }, me.principal.name, " "),
    hasToken ? h("button", { type: "button", onclick: () => signOut() }, "Sign out") : "",
  );
  fill(byId("views"), allowed().map(([id, { name }]) => h("a", { href: `#/${id}` }, name)));
  route();
}

function allowed() {
  return Object.entries(VIEWS).filter(([, { needs }]) =>
    needs === undefined || me.operations.includes(needs)
  );
}

async function follow(client, signal) {
  const state = byId("state");
  let failures = 0;
  for await (const now of client.states()) {
    if (signal.aborted) return;
    state.textContent = now;
    state.dataset.state = now;
    if (now === "offline") failures++;
    else if (now !== "connecting") failures = 0;
    // A server that is restarted is there again at the first try.
    const isTrouble = () => !signal.aborted && (failures > 1 || client.state === "closed");
    if (!isTrouble()) byId("trouble").textContent = "";
    else {
      // Nobody waits for a server that is silent: the state goes on meanwhile.
      void explained(client.trouble ?? "").then((text) => {
        if (isTrouble()) byId("trouble").textContent = text;
      });
    }
  }
}

/** Why there is no connection: of a handshake that is refused a browser does not tell the reason. */
async function explained(trouble) {
  const isThere = await fetch("/healthz").then(({ ok }) => ok, () => false);
  if (!isThere || !trouble.startsWith("Cannot connect")) return trouble;
  return `${trouble}. The server is there and refuses this page's WebSocket; its log says why ` +
    `(session_refused). Behind a reverse proxy that changes Host it needs --origin ${location.origin}`;
}

/** Shows the view that the address names. */
function route() {
  shown?.abort();
  if (me === undefined) return;
  shown = new AbortController();
  const [path, search = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [id, { make, name }] = allowed().find(([each]) => each === path) ?? allowed()[0];
  for (const link of byId("views").children) {
    if (link.hash === `#/${id}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${name} – kafka-proxy`;
  const setQuery = (values) => {
    const given = Object.entries(values).filter(([, value]) => value !== "");
    history.replaceState(null, "", `#/${id}?${new URLSearchParams(given)}`);
  };
  const query = new URLSearchParams(search);
  fill(byId("main"), make({ me, client, figures, query, setQuery, signal: shown.signal }));
}

function signOut(why) {
  setAuthorization(undefined);
  shown?.abort();
  session?.abort();
  me = undefined;
  fill(byId("views"));
  fill(byId("who"));
  byId("state").textContent = "signed out";
  byId("state").dataset.state = "";
  byId("trouble").textContent = "";
  fill(byId("main"), signInView({ why, whoAmI, onDone: begin }));
  byId("main").focus();
}

/** Single keys, when nobody is typing. */
function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || me === undefined) return;
  if (event.target.closest?.("input, textarea, select, dialog")) return;
  const view = allowed()[Number(event.key) - 1];
  if (view !== undefined) location.hash = `#/${view[0]}`;
  else if (event.key === "/") byId("filter")?.focus();
  else if (event.key === "?") help();
  else if (event.key === "f") document.querySelector("[aria-pressed]")?.click();
  else return;
  event.preventDefault();
}

function help() {
  const line = (keys, what) => h("tr", {}, h("td", {}, h("kbd", {}, keys)), h("td", {}, what));
  const dialog = h(
    "dialog",
    { "aria-label": "Keys", onclose: ({ target }) => target.remove() },
    h("h2", {}, "Keys"),
    h(
      "table",
      {},
      h(
        "tbody",
        {},
        allowed().map(([, { name }], i) => line(String(i + 1), name)),
        line("/", "Filter"),
        line("f", "Follow, or pause"),
        line("↑ ↓", "Choose a record"),
        line("Ctrl Enter", "Produce"),
        line("?", "This"),
      ),
    ),
    h("form", { method: "dialog" }, h("button", {}, "Close")),
  );
  document.body.append(dialog);
  dialog.showModal();
}

addEventListener("hashchange", route);
addEventListener(REFUSED, () => {
  if (me !== undefined) signOut("These credentials are no longer taken: sign in again");
});
addEventListener("keydown", key);
try {
  begin(await whoAmI());
} catch (error) {
  if (error instanceof ApiError && error.status === 401) signOut();
  else fill(byId("main"), h("p", { role: "alert", className: "bad" }, error.message));
}
