import { Buffer } from "node:buffer";
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** A certificate and its private key, both PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate is for. */
export interface CertificateRequest {
  /** Its common name. */
  readonly name: string;
  /** Names and IPv4 addresses of a server; @default {["localhost", "127.0.0.1"]} */
  readonly hosts?: readonly string[];
  /** @default {30} */
  readonly days?: number;
}

/**
 * A certificate authority of a test's own: X.509 v3 (RFC 5280) with keys on P-256, encoded here, so
 * that no test needs a tool for it.
 *
 * ```ts ignore
 * const authority = new TestAuthority("tests");
 * const { cert, key } = authority.issue({ name: "proxy" });
 * ```
 */
export class TestAuthority {
  /** Its own certificate, for whoever is to trust it; PEM. */
  readonly cert: string;
  readonly #name: string;
  readonly #key: KeyObject;
  #serial = 1;

  constructor(name: string) {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#name = name;
    this.#key = privateKey;
    this.cert = this.#certificate(name, publicKey, 365, [
      extension(OID.basicConstraints, sequence(BOOLEAN_TRUE), true),
      extension(OID.keyUsage, tlv(0x03, Buffer.from([1, 0x06])), true), // keyCertSign, cRLSign
    ]);
  }

  /** A certificate for a server or a client. */
  issue({ name, hosts = ["localhost", "127.0.0.1"], days = 30 }: CertificateRequest): Certificate {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const names = hosts.map((host) => {
      const isAddress = /^\d+\.\d+\.\d+\.\d+$/.test(host);
      return isAddress
        ? tlv(0x87, Buffer.from(host.split(".").map(Number)))
        : tlv(0x82, Buffer.from(host));
    });
    const cert = this.#certificate(name, publicKey, days, [
      extension(OID.basicConstraints, sequence(), true),
      extension(OID.keyUsage, tlv(0x03, Buffer.from([7, 0x80])), true), // digitalSignature
      extension(OID.extKeyUsage, sequence(oid(OID.serverAuth), oid(OID.clientAuth))),
      ...(names.length === 0 ? [] : [extension(OID.subjectAltName, sequence(...names))]),
    ]);
    return { cert, key: privateKey.export({ type: "pkcs8", format: "pem" }) as string };
  }

  #certificate(name: string, publicKey: KeyObject, days: number, extensions: Buffer[]): string {
    const spki = publicKey.export({ type: "spki", format: "der" }) as Buffer;
    const keyId = createHash("sha1").update(spki).digest();
    const nowMs = Date.now();
    const body = sequence(
      tlv(0xa0, integer(2)), // version 3
      integer(this.#serial++),
      sequence(oid(OID.ecdsaWithSha256)),
      distinguishedName(this.#name),
      sequence(time(nowMs - 3_600_000), time(nowMs + days * 86_400_000)),
      distinguishedName(name),
      Buffer.from(spki),
      tlv(
        0xa3,
        sequence(...extensions, extension(OID.subjectKeyIdentifier, tlv(0x04, keyId))),
      ),
    );
    const signature = sign("sha256", body, this.#key);
    const der = sequence(
      body,
      sequence(oid(OID.ecdsaWithSha256)),
      tlv(0x03, Buffer.concat([Buffer.from([0]), signature])),
    );
    const lines = der.toString("base64").replace(/(.{64})(?=.)/g, "$1\n");
    return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
  }
}

const OID = {
  commonName: "2.5.4.3",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  extKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
};

/** Tag, length, value (X.690, DER). */
function tlv(tag: number, value: Uint8Array): Buffer {
  const { length } = value;
  const head = length < 128
    ? [tag, length]
    : length < 256
    ? [tag, 0x81, length]
    : [tag, 0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from(head), value]);
}

function sequence(...parts: Uint8Array[]): Buffer {
  return tlv(0x30, Buffer.concat(parts));
}

const BOOLEAN_TRUE = tlv(0x01, Buffer.from([0xff]));

function integer(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; bytes.length === 0 || rest > 0; rest >>= 8) bytes.unshift(rest & 255);
  if (bytes[0] > 127) bytes.unshift(0);
  return tlv(0x02, Buffer.from(bytes));
}

function oid(text: string): Buffer {
  const [first, second, ...rest] = text.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const groups = [part & 127];
    for (let high = part >> 7; high > 0; high >>= 7) groups.unshift((high & 127) | 128);
    bytes.push(...groups);
  }
  return tlv(0x06, Buffer.from(bytes));
}

function distinguishedName(commonName: string): Buffer {
  const attribute = sequence(oid(OID.commonName), tlv(0x0c, Buffer.from(commonName)));
  return sequence(tlv(0x31, attribute));
}

function time(atMs: number): Buffer {
  const digits = new Date(atMs).toISOString().replace(/[-:T]|\.\d+/g, "");
  return tlv(0x17, Buffer.from(digits.slice(2))); // UTCTime, of years up to 2049
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [BOOLEAN_TRUE] : []), tlv(0x04, value));
}
