/**
 * A client's text as it may stand in a message: in quotes, control characters escaped, cut after 60
 * UTF-16 units so that a message stays readable whatever was sent.
 */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
