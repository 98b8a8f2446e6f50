/** Says what a test measured, when `KAFKA_PROXY_TEST_NOTES` is set. */
export function note(text: string): void {
  if (Deno.env.get("KAFKA_PROXY_TEST_NOTES")) console.log(text);
}

/** `12 14 30`, rounded. */
export function numbers(values: readonly number[]): string {
  return values.map((value) => Math.round(value)).join(" ");
}
