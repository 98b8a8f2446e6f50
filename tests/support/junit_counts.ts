/** What came of some tests; steps of a test are part of it. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Names of those that failed. */
  readonly failures: readonly string[];
}

/** No tests at all. */
export const NO_TESTS: TestCounts = { passed: 0, failed: 0, skipped: 0, failures: [] };

const TEST_CASE = /<testcase name="([^"]*)" classname="([^"]*)"([^>]*)>([^]*?)<\/testcase>/g;

/**
 * Counts the tests in a report of `deno test --junit-path`.
 *
 * A step is listed as a test case named `TEST > STEP`; it fails its test and is not counted.
 */
export function junitCounts(xml: string): TestCounts {
  const cases = [...xml.matchAll(TEST_CASE)].map(([, name, file, , content]) => ({
    name: unescaped(name),
    file: unescaped(file),
    content,
  }));
  const names = new Set(cases.map(({ file, name }) => `${file}\0${name}`));
  let passed = 0;
  let skipped = 0;
  const failures: string[] = [];
  for (const { name, file, content } of cases) {
    if (isStep(name, (parent) => names.has(`${file}\0${parent}`))) continue;
    if (/<(failure|error)\b/.test(content)) failures.push(`${name} (${file})`);
    else if (/<skipped\b/.test(content)) skipped++;
    else passed++;
  }
  return { passed, failed: failures.length, skipped, failures };
}

/** Sums counts. */
export function sumCounts(counts: readonly TestCounts[]): TestCounts {
  return counts.reduce((sum, next) => ({
    passed: sum.passed + next.passed,
    failed: sum.failed + next.failed,
    skipped: sum.skipped + next.skipped,
    failures: [...sum.failures, ...next.failures],
  }), NO_TESTS);
}

/** `12 passed, 0 failed`, and `, 1 skipped` where there are any. */
export function countsLine({ passed, failed, skipped }: TestCounts): string {
  return `${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`;
}

/** Whether some beginning of the name, up to a ` > `, is a test too. */
function isStep(name: string, isTest: (name: string) => boolean): boolean {
  for (let at = name.indexOf(" > "); at >= 0; at = name.indexOf(" > ", at + 1)) {
    if (isTest(name.slice(0, at))) return true;
  }
  return false;
}

function unescaped(text: string): string {
  return text.replaceAll("&quot;", '"').replaceAll("&apos;", "'").replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}
