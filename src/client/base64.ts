/** Bytes as base64; `btoa` takes no more than a stack of arguments at a time. */
export function base64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x2000) {
    text += String.fromCharCode(...bytes.subarray(at, at + 0x2000));
  }
  return btoa(text);
}

/** Text as base64url of its UTF-8, without padding (RFC 4648 section 5). */
export function base64url(text: string): string {
  return base64(new TextEncoder().encode(text))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
