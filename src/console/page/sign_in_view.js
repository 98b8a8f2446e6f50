import { authorization, setAuthorization } from "./api.js";
import { h } from "./dom.js";

/** What to prove oneself with, and the header it becomes. */
const KINDS = {
  password: {
    text: "Name and password",
    header: ({ name, secret }) => `Basic ${utf8Base64(`${name}:${secret}`)}`,
  },
  secret: {
    text: "The server's secret",
    header: ({ secret }) => `Basic ${utf8Base64(`:${secret}`)}`,
  },
  token: { text: "A token", header: ({ secret }) => `Bearer ${secret.trim()}` },
};

/** Asks for credentials until the server takes them; `onDone` is given who it takes us for. */
export function signInView({ whoAmI, onDone, why }) {
  const kind = h(
    "select",
    {},
    Object.entries(KINDS).map(([value, { text }]) => h("option", { value }, text)),
  );
  const name = h("input", { autocomplete: "username" });
  const nameLabel = h("label", {}, "Name", name);
  const secret = h("input", { type: "password", autocomplete: "current-password", required: true });
  const problem = h("p", { role: "alert", className: "bad" }, why ?? "");
  kind.addEventListener("change", () => nameLabel.hidden = kind.value !== "password");
  const signIn = async () => {
    const before = authorization();
    setAuthorization(KINDS[kind.value].header({ name: name.value, secret: secret.value }));
    try {
      onDone(await whoAmI());
    } catch (error) {
      setAuthorization(before);
      problem.textContent = error.status === 401 ? "These credentials are refused" : error.message;
      secret.select();
    }
  };
  return h(
    "div",
    {},
    h("h2", {}, "Sign in"),
    h(
      "form",
      { className: "stack", onsubmit: (event) => (event.preventDefault(), signIn()) },
      h("label", {}, "With", kind),
      nameLabel,
      h("label", {}, "Password, secret or token", secret),
      h("div", {}, h("button", { className: "main" }, "Sign in")),
    ),
    problem,
    h("p", { className: "quiet" }, "Kept in this tab until it is closed."),
  );
}

function utf8Base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
