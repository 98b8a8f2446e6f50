/** What is sent with each request of this tab; gone when the tab is closed. */
const KEY = "kafka-proxy.authorization";

/** Dispatched on the window when credentials are not taken, or not any more. */
export const REFUSED = "credentials-refused";

/** A request that was answered with an error. */
export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The value of `Authorization`; undefined when nobody has signed in. */
export function authorization() {
  return sessionStorage.getItem(KEY) ?? undefined;
}

/** Signs in, or out. */
export function setAuthorization(value) {
  if (value === undefined) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, value);
}

/**
 * Asks the server.
 *
 * @throws {ApiError}
 */
export async function ask(path, { method = "GET", body, signal } = {}) {
  const value = authorization();
  const response = await fetch(path, {
    method,
    body,
    signal,
    // With credentials of its own a browser would ask for a name and a password in a window.
    credentials: "omit",
    headers: {
      ...(value === undefined ? {} : { authorization: value }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
  });
  if (response.status === 204) return undefined;
  const text = await response.text();
  const answer = parsed(text);
  if (response.ok) return answer;
  if (response.status === 401) dispatchEvent(new Event(REFUSED));
  const { code = "unknown", message = `Status ${response.status}` } = answer?.error ?? {};
  throw new ApiError(response.status, code, message);
}

/**
 * What a WebSocket can prove itself with: a ticket for any credentials, since a browser cannot send
 * the header; the token itself where the server gives none.
 */
export async function socketToken() {
  const value = authorization();
  if (value === undefined) return undefined;
  try {
    const { ticket } = await ask("/tickets", { method: "POST" });
    return ticket;
  } catch (error) {
    const bearer = /^Bearer (.*)$/i.exec(value)?.[1];
    if (bearer !== undefined && error instanceof ApiError && error.status !== 401) return bearer;
    throw error;
  }
}

/** Asks again and again while a view is shown; `take` is given the answer or the error, and waited for. */
export function poll(path, everyMs, take, signal) {
  let timer;
  const once = async () => {
    try {
      const answer = await ask(path, { signal });
      if (!signal.aborted) await take(answer, undefined);
    } catch (error) {
      if (!signal.aborted) take(undefined, error);
    }
    if (!signal.aborted) timer = setTimeout(once, everyMs);
  };
  signal.addEventListener("abort", () => clearTimeout(timer));
  void once();
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
