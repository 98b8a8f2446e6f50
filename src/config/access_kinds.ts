import { isIP } from "node:net";
import { z, type ZodType } from "zod";
import { parsePasswordHash } from "../core/password_hash.ts";
import { readPublicKeys } from "../core/public_keys.ts";
import { type Rights, RIGHTS_SCHEMA } from "../core/rights.ts";
import { quoted } from "../core/quoted.ts";
import { BadValue, badValue, type Kind } from "./kind.ts";
import { list } from "./plain_kinds.ts";

/** A user of the settings. */
export interface UserSetting {
  /** As `kafka-proxy hash-password` makes it. */
  readonly password: string;
  /** Names of roles that the settings have. */
  readonly roles?: readonly string[];
  /** What it may do beside what its roles allow. */
  readonly rights?: Rights;
}

/** Names of users: what `Basic` can carry (RFC 7617), and a log line shows well. */
const USER_NAME = z.string().regex(/^[^\s:\p{C}]{1,100}$/u);
const ROLE_NAME = z.string().regex(/^[^\s\p{C}]{1,100}$/u);

const USERS: ZodType<Readonly<Record<string, UserSetting>>> = z.record(
  USER_NAME,
  z.strictObject({
    password: z.string().refine((text) => parsePasswordHash(text) !== undefined, {
      error: "it must be a hash as kafka-proxy hash-password makes it",
    }).describe("A hash as kafka-proxy hash-password makes it."),
    roles: z.array(ROLE_NAME).max(100).optional(),
    rights: RIGHTS_SCHEMA.optional(),
  }),
);

const ROLES: ZodType<Readonly<Record<string, Rights>>> = z.record(ROLE_NAME, RIGHTS_SCHEMA);

/** Users by name. */
export function users(): Kind<Readonly<Record<string, UserSetting>>> {
  return {
    ...structure("users by name, each with password, roles and rights", USERS),
    shown: (value) =>
      Object.fromEntries(
        Object.entries(value as Record<string, UserSetting>)
          .map(([name, user]) => [name, { ...user, password: "***" }]),
      ),
  };
}

/** Rights by the name of a role. */
export function roles(): Kind<Readonly<Record<string, Rights>>> {
  return structure("rights by the name of a role", ROLES);
}

/** Public keys, as text. */
export function publicKeys(): Kind<string> {
  return {
    placeholder: "KEYS",
    expected: "public keys in PEM, a JSON Web Key, or a set of them",
    schema: z.string().min(1),
    parse([text]) {
      try {
        readPublicKeys(text);
        return text;
      } catch (error) {
        if (error instanceof RangeError) throw new BadValue(error.message);
        throw error;
      }
    },
  };
}

/** A secret that signatures are made with: at least 32 bytes, so that nobody finds it by trying. */
export function signingSecret(placeholder: string): Kind<string> {
  const expected = "text of at least 32 bytes";
  return {
    placeholder,
    expected,
    schema: z.string().min(1),
    parse([text]) {
      if (new TextEncoder().encode(text).length >= 32) return text;
      throw new BadValue(`is too short: it must be ${expected}`);
    },
  };
}

/** An address that nobody on the way can forge the answers of. */
export function secureUrl(): Kind<string> {
  const expected = "an https address (http on loopback only)";
  return {
    placeholder: "URL",
    expected,
    schema: z.string().min(1),
    parse([text]) {
      const url = URL.parse(text);
      const isLocal = url?.protocol === "http:" &&
        /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
      if (url?.protocol !== "https:" && !isLocal) throw badValue(text, expected);
      if (url?.username !== "" || url.password !== "") {
        throw new BadValue(`has credentials in it: it must be ${expected}`);
      }
      return text;
    },
  };
}

/** Addresses and networks in CIDR form. */
export function networks(): Kind<readonly string[]> {
  const expected = "addresses or networks such as 10.0.0.0/8";
  return list("NETWORK[,NETWORK]", expected, (text) => {
    const [address, bits, ...more] = text.split("/");
    const version = isIP(address);
    const most = version === 4 ? 32 : 128;
    const fits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most);
    if (version === 0 || !fits || more.length > 0 || address.includes("%")) {
      throw badValue(text, expected);
    }
    return text.toLowerCase();
  });
}

/** What has a structure: a file has it as such, flag and environment in JSON. */
function structure<Value>(expected: string, schema: ZodType<Value>): Kind<Value> {
  return {
    placeholder: "JSON",
    expected,
    schema,
    structured: true,
    parse([text]) {
      let json: unknown;
      try {
        json = JSON.parse(text);
      } catch {
        throw new BadValue(`is no JSON: it must be ${expected}`);
      }
      const parsed = schema.safeParse(json);
      if (parsed.success) return parsed.data;
      throw new BadValue(parsed.error.issues.slice(0, 5).map(issueText).join("; "));
    },
  };
}

function issueText({ path, message }: z.core.$ZodIssue): string {
  const where = path.map(String).join(".");
  return where === "" ? message : `at ${quoted(where)}: ${message}`;
}
