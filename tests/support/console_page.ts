import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { eventually } from "./eventually.ts";

/** Pictures of the views are left here. */
const PICTURES = fileURLToPath(new URL("../../.cache/console/", import.meta.url));

/** The console in a page of a browser. */
export class ConsolePage {
  readonly page: Page;
  /** What went wrong in the page: errors, and what its policy did not allow. */
  readonly problems: string[] = [];
  readonly #base: string;

  private constructor(page: Page, base: string) {
    this.page = page;
    this.#base = base;
    page.on("pageerror", (error) => this.problems.push(`${error}`));
    page.on("console", (message) => {
      const isRefusal = /\b(401|404|ERR_CONNECTION|WebSocket connection)/.test(message.text());
      if (message.type() === "error" && !isRefusal) this.problems.push(message.text());
    });
    page.on("request", (request) => {
      const url = new URL(request.url());
      const isOwn = url.host === new URL(base).host || url.protocol === "data:";
      if (!isOwn) this.problems.push(`It asks for ${url}`);
    });
  }

  /** Opens a view: `topics`, or `live?topic=orders&start=earliest`. */
  static async open(
    browser: Browser,
    base: string,
    view = "",
    options: BrowserContextOptions = {},
  ): Promise<ConsolePage> {
    const page = await browser.newPage({
      viewport: { width: 1200, height: 760 },
      locale: "en-US",
      ...options,
    });
    const opened = new ConsolePage(page, base);
    await opened.go(view);
    return opened;
  }

  /** Goes to another view, as a link would. */
  async go(view: string): Promise<void> {
    await this.page.goto(`${this.#base}#/${view}`);
  }

  /** Rows of the live view that one sees. */
  get rows(): Locator {
    return this.page.locator(".list .row").filter({ visible: true });
  }

  /** Waits for a text somewhere. */
  async text(selector: string, pattern: RegExp): Promise<string> {
    const locator = this.page.locator(selector).first();
    return await eventually(`${pattern} in ${selector}`, async () => {
      const text = await locator.textContent({ timeout: 1_000 }).catch(() => null) ?? "";
      return pattern.test(text) ? text : undefined;
    }, { timeoutMs: 20_000 });
  }

  /** The number of records that the live view has received. */
  async received(count: number): Promise<void> {
    const wanted = count.toLocaleString("en-US");
    await this.text(".figures b", new RegExp(`^${wanted}$`));
  }

  /** Offsets of every row of the list, from the first to the last, by scrolling through it. */
  async places(): Promise<string[]> {
    await this.page.getByRole("button", { name: "Follow" }).evaluate((button) => {
      if (button.getAttribute("aria-pressed") === "true") {
        (button as unknown as { click(): void }).click();
      }
    });
    return await this.page.evaluate<string[]>(`(async () => {
      const list = document.querySelector(".list");
      const seen = new Map();
      for (let top = 0; ; top += list.clientHeight) {
        list.scrollTop = top;
        await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
        for (const row of list.querySelectorAll(".row:not([hidden])")) {
          seen.set(Number(row.getAttribute("aria-posinset")), row.querySelector(".place").textContent);
        }
        if (top > list.scrollHeight) break;
      }
      return [...seen].sort(([a], [b]) => a - b).map(([, place]) => place);
    })()`);
  }

  /** Keeps a picture. */
  async picture(name: string): Promise<void> {
    await this.page.screenshot({ path: join(PICTURES, `${name}.png`) });
  }
}
