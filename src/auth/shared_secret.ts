import { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";

/**
 * One secret for everybody, in the `Authorization` header. Three forms are accepted, the scheme in
 * any case:
 *
 * - `basic SECRET`: the secret as it is, which is the original's form
 * - `Basic BASE64`: RFC 7617, any user name (it proves nothing), the secret as the password
 * - both with non-ASCII secrets as UTF-8 or as ISO 8859-1, since clients send either
 *
 * Time: what is sent is hashed and compared in every form whatever the others gave, so that the time
 * tells nothing about the secret, its length included.
 */
export class SharedSecret {
  readonly #digest: Buffer;

  /**
   * Takes the secret as the server's settings have it.
   *
   * @throws {RangeError} when the secret is empty, or begins or ends with a blank or a line break,
   * which no header would bring here
   */
  constructor(secret: string) {
    if (secret === "") throw new RangeError("Cannot use an empty secret: it would let anybody in");
    if (/^[ \t\r\n]|[ \t\r\n]$/.test(secret)) {
      throw new RangeError("Cannot use a secret with a blank or a line break at one of its ends");
    }
    this.#digest = sha256(Buffer.from(secret, "utf8"));
  }

  /** Whether the value of an `Authorization` header proves the secret; `null` is no header. */
  accepts(authorization: string | null): boolean {
    const credentials = /^basic +(.*)$/is.exec(authorization ?? "")?.[1] ?? "";
    const password = passwordOf(Buffer.from(credentials, "base64"));
    const candidates = [
      // The runtime gives each byte of a header as one character: UTF-8 and ISO 8859-1 again.
      Buffer.from(credentials, "latin1"),
      Buffer.from(credentials, "utf8"),
      password,
      Buffer.from(password.toString("latin1"), "utf8"),
    ];
    let accepted = false;
    for (const candidate of candidates) {
      accepted = timingSafeEqual(sha256(candidate), this.#digest) || accepted;
    }
    return accepted;
  }
}

/** What follows the first colon (RFC 7617 section 2: a user name has none); empty without one. */
function passwordOf(userAndPassword: Buffer): Buffer {
  const colon = userAndPassword.indexOf(":");
  return colon < 0 ? Buffer.alloc(0) : userAndPassword.subarray(colon + 1);
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
