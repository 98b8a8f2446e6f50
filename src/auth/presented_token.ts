import { Buffer } from "node:buffer";
import { ProxyError } from "../core/proxy_error.ts";

/** What of a request may carry credentials. */
export interface CredentialCarriers {
  readonly headers: Headers;
  readonly url: URL;
}

/** A token, as it was sent: nobody has looked into it. */
export interface PresentedToken {
  readonly token: string;
  /** Where it was, for messages. */
  readonly via: string;
}

/** Longest token, in characters; with more than this nothing is decoded. */
const MAX_TOKEN = 16_384;

/** Tokens are one word of visible ASCII (RFC 6750 section 2.1). */
const TOKEN = /^[\x21-\x7e]+$/;

const SUBPROTOCOL = "bearer.";

/**
 * The token a request carries, if any: `Authorization: Bearer`, the subprotocol `bearer.` and the
 * token in base64url (browsers cannot send headers with a WebSocket), the parameter `ticket`, or the
 * parameter `access_token` where `inUrl` allows it.
 *
 * No message shows any of it.
 *
 * @throws {ProxyError} `bad_request` for more than one (RFC 6750 section 2), `unauthorized` for one
 * that is none
 */
export function presentedToken(
  { headers, url }: CredentialCarriers,
  { inUrl }: { inUrl: boolean },
): PresentedToken | undefined {
  const found: PresentedToken[] = [];
  const authorization = headers.get("Authorization");
  const bearer = /^bearer +(.*)$/is.exec(authorization ?? "");
  if (bearer !== null) found.push({ via: "Authorization header", token: bearer[1] });
  const offered = (headers.get("Sec-WebSocket-Protocol") ?? "").split(",").map((name) =>
    name.trim()
  );
  for (const name of offered.filter((name) => name.toLowerCase().startsWith(SUBPROTOCOL))) {
    const encoded = name.slice(SUBPROTOCOL.length);
    found.push({ via: "subprotocol", token: decoded(encoded) });
  }
  for (const name of inUrl ? ["ticket", "access_token"] : ["ticket"]) {
    for (const token of url.searchParams.getAll(name)) {
      found.push({ via: `parameter "${name}"`, token });
    }
  }
  if (found.length === 0) return undefined;
  const others = authorization !== null && bearer === null;
  if (found.length > 1 || others) {
    const places = [...found.map(({ via }) => via), ...others ? ["Authorization header"] : []];
    throw new ProxyError(
      "bad_request",
      `Cannot authenticate: there are credentials in more than one place (${
        places.slice(0, 4).join(", ")
      }), wanted one`,
    );
  }
  const [presented] = found;
  if (presented.token.length > MAX_TOKEN) {
    throw new ProxyError(
      "unauthorized",
      `Cannot authenticate: the token in the ${presented.via} is longer than ${MAX_TOKEN} characters`,
    );
  }
  if (!TOKEN.test(presented.token)) {
    throw new ProxyError(
      "unauthorized",
      `Cannot authenticate: there is no token in the ${presented.via}`,
    );
  }
  return presented;
}

/** Empty for what is no base64url (RFC 4648 section 5), padding forgiven. */
function decoded(encoded: string): string {
  if (encoded.length > 2 * MAX_TOKEN || !/^[A-Za-z0-9_-]*={0,2}$/.test(encoded)) return "";
  return Buffer.from(encoded, "base64url").toString("latin1");
}
