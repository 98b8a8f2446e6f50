import axe from "axe-core";
import type { Page } from "playwright-core";

interface Violation {
  readonly id: string;
  readonly impact: string | null;
  readonly help: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** What axe finds in the page that is serious or critical, one line each. */
export async function seriousViolations(page: Page): Promise<string[]> {
  // By evaluate, since the page's policy allows no script from elsewhere.
  await page.evaluate(axe.source);
  const violations = await page.evaluate<Violation[]>(
    "axe.run().then((found) => found.violations)",
  );
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, help, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${help}: ${html} ${failureSummary}`)
    );
}
