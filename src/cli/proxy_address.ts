import { Buffer } from "node:buffer";
import type { Flag, Given } from "./flags.ts";
import type { Shell } from "./shell.ts";

/** Flags of every command that talks to a running proxy. */
export const PROXY_FLAGS: readonly Flag[] = [
  {
    name: "--url",
    short: "b",
    value: "URL",
    doc: "The proxy; KAFKA_PROXY_URL, or ws://127.0.0.1:9999/",
  },
  {
    name: "--auth",
    value: "SECRET",
    doc: "KAFKA_PROXY_AUTH: shared secret, or user:password; @FILE",
  },
  {
    name: "--token",
    value: "TOKEN",
    doc: "KAFKA_PROXY_TOKEN: JWT or ticket, sent as Bearer; @FILE",
  },
];

/** Where a proxy is, and what to send with each request. */
export interface ProxyAddress {
  readonly wsUrl: string;
  readonly httpUrl: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Reads them; a text says what is wrong. */
export async function proxyAddress(given: Given, shell: Shell): Promise<ProxyAddress | string> {
  const text = given.text("url") ?? shell.env.KAFKA_PROXY_URL ?? "ws://127.0.0.1:9999/";
  const url = URL.parse(/^[a-z]+:\/\//.test(text) ? text : `ws://${text}`);
  if (url === null || !/^(wss?|https?):$/.test(url.protocol)) {
    return `--url ${text} is no address such as ws://127.0.0.1:9999/`;
  }
  const isSafe = url.protocol === "wss:" || url.protocol === "https:";
  const at = (scheme: string) => `${scheme}${isSafe ? "s" : ""}://${url.host}${url.pathname}`;
  if (given.has("auth") && given.has("token")) {
    return "--auth and --token both say who you are: leave one out";
  }
  let authorization: string | undefined;
  try {
    authorization = await credentials(given, shell);
  } catch (error) {
    return `The credentials cannot be read: ${(error as Error).message}`;
  }
  return {
    wsUrl: at("ws"),
    httpUrl: at("http"),
    headers: authorization === undefined ? {} : { authorization },
  };
}

/** A flag wins over the environment; a token over a secret. */
async function credentials(given: Given, shell: Shell): Promise<string | undefined> {
  const { KAFKA_PROXY_TOKEN: token, KAFKA_PROXY_AUTH: auth } = shell.env;
  if (given.has("token")) return bearer(await secret(given.text("token")!, shell));
  if (given.has("auth")) return basic(await secret(given.text("auth")!, shell));
  if (token !== undefined) return bearer(token);
  return auth === undefined ? undefined : basic(auth);
}

/** Better in a file than on a command line, which everybody on the machine can see. */
async function secret(value: string, shell: Shell): Promise<string> {
  return value.startsWith("@") ? (await shell.readText(value.slice(1))).trim() : value;
}

function bearer(token: string): string {
  return `Bearer ${token}`;
}

/** A shared secret is the password of a user without a name. */
function basic(auth: string): string {
  return `Basic ${Buffer.from(auth.includes(":") ? auth : `:${auth}`).toString("base64")}`;
}
