import { z } from "zod";
import { quoted } from "../core/quoted.ts";
import { BadValue, badValue, type Kind } from "./kind.ts";
import { integer, list } from "./plain_kinds.ts";

const HOST_NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?$/;

/**
 * Broker addresses. As in the original one may end in a slash, and may begin with `kafka://`.
 *
 * An IPv6 literal is refused because KafkaJS takes an address apart at its first colon.
 */
export function brokers(): Kind<readonly string[]> {
  return list("HOST:PORT[,HOST:PORT]", "broker addresses such as localhost:9092", broker);
}

/** A name or address to listen on. */
export function listenHost(): Kind<string> {
  const expected = "a host name or an IP address, without scheme and port";
  return {
    placeholder: "HOST",
    expected,
    schema: z.string().min(1),
    parse([text]) {
      const host = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
      const valid = host.includes(":") ? URL.canParse(`http://[${host}]/`) : HOST_NAME.test(host);
      if (!valid) throw badValue(text, expected);
      return host;
    },
  };
}

/**
 * Origins as browsers send them (RFC 6454): `https://app.example`, `*`, or `null`, which is what a
 * page from a file sends.
 */
export function origins(): Kind<readonly string[]> {
  return list("ORIGIN", "an origin such as https://app.example, or *", origin);
}

/** A partition number, or `all`. */
export function partition(): Kind<number | "all"> {
  const number = integer("N", 0, 2147483647);
  const expected = `${number.expected}, or all`;
  return {
    placeholder: "N|all",
    expected,
    bounds: number.bounds,
    schema: z.union([number.schema, z.literal("all")]),
    parse(texts) {
      if (texts[0] === "all") return "all";
      try {
        return number.parse(texts);
      } catch (cause) {
        throw cause instanceof BadValue ? badValue(texts[0], expected) : cause;
      }
    },
  };
}

const PORT = integer("PORT", 1, 65535);

function broker(given: string): string {
  const address = given.replace(/^kafka:\/\//i, "").replace(/\/$/, "");
  if (address.includes("://")) {
    throw new BadValue(
      `is ${quoted(given)}: it must be HOST:PORT; kafkaTls is for connections by TLS`,
    );
  }
  const colon = address.indexOf(":");
  if (address.startsWith("[") || colon !== address.lastIndexOf(":")) {
    throw new BadValue(
      `is ${
        quoted(given)
      }: KafkaJS cannot use IPv6 literals; give the broker's host name, such as localhost:9092`,
    );
  }
  const host = colon < 0 ? address : address.slice(0, colon);
  if (!HOST_NAME.test(host)) throw badValue(given, "HOST:PORT, such as localhost:9092");
  if (colon < 0 || colon === address.length - 1) {
    throw badValue(given, `HOST:PORT, such as ${host}:9092`);
  }
  const port = address.slice(colon + 1);
  try {
    return `${host}:${PORT.parse([port])}`;
  } catch (cause) {
    throw cause instanceof BadValue
      ? badValue(given, `HOST:PORT with ${PORT.expected} as its port`)
      : cause;
  }
}

function origin(given: string): string {
  if (given === "*" || given === "null") return given;
  const text = given.toLowerCase().replace(/\/$/, "");
  const isOrigin = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@\s]+$/.test(text);
  if (!isOrigin) throw badValue(given, "an origin such as https://app.example, or *");
  if (!/^https?:/.test(text)) return text;
  // A browser leaves the scheme's own port out and writes names of other scripts in punycode.
  if (!URL.canParse(text)) throw badValue(given, "an origin such as https://app.example, or *");
  return new URL(text).origin;
}
