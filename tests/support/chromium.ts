import { type Browser, chromium } from "playwright-core";
import { isFile } from "./is_file.ts";

/** Where Debian and others install it. */
const PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** What to do where there is no Chromium. */
export const CHROMIUM_ADVICE = "Chromium is not installed (Debian: apt-get install chromium)";

/** The path of Chromium; undefined where there is none. */
export const CHROMIUM: string | undefined = PATHS.find(isFile);

/**
 * A test with a headless browser of its own. Where Chromium is missing it is skipped with a line
 * that says so, and fails with `CI=true`.
 */
export function browserTest(name: string, run: (browser: Browser) => Promise<void>): void {
  const ignore = CHROMIUM === undefined && Deno.env.get("CI") !== "true";
  if (ignore) console.log(`Skipped, ${CHROMIUM_ADVICE}: ${name}`);
  Deno.test({
    name,
    ignore,
    fn: async () => {
      if (CHROMIUM === undefined) throw new Error(CHROMIUM_ADVICE);
      const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
      try {
        await run(browser);
      } finally {
        await browser.close();
      }
    },
  });
}
