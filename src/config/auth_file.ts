import { readValue } from "./collect_settings.ts";
import { BadValue } from "./kind.ts";
import type { Settings } from "./settings.ts";
import { SETTINGS_TABLE } from "./settings_table.ts";

/**
 * Puts the secret that {@linkcode Settings.authFile} names into {@linkcode Settings.auth}; without
 * such a file the settings come back as they are. One line break at the end of the file is dropped.
 *
 * @param readText Reads a file as UTF-8; what it throws becomes a problem.
 */
export async function readAuthFile(
  settings: Settings,
  readText: (path: string) => Promise<string>,
): Promise<
  | { readonly kind: "run"; readonly settings: Settings }
  | { readonly kind: "problems"; readonly problems: readonly string[] }
> {
  const path = settings.authFile;
  if (path === undefined) return { kind: "run", settings };
  const problem = (text: string) =>
    ({
      kind: "problems",
      problems: [`The secret's file ${JSON.stringify(path)} ${text}`],
    }) as const;
  let text: string;
  try {
    text = await readText(path);
  } catch (error) {
    return problem(`cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  try {
    const auth = readValue(SETTINGS_TABLE.auth, [text.replace(/\r?\n$/, "")]);
    return { kind: "run", settings: Object.freeze({ ...settings, auth }) };
  } catch (error) {
    if (!(error instanceof BadValue)) throw error;
    return problem(error.message);
  }
}
