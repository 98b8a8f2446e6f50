/**
 * Whether a program of a Debian package is there; without it a test says so and passes, except where
 * CI is true.
 *
 * @throws {Error} in CI, where it must not be missing
 */
export async function hasTool(
  command: string,
  { args = ["--version"], debian = command, ci = true } = {},
): Promise<boolean> {
  try {
    await new Deno.Command(command, { args, stdin: "null", stdout: "null", stderr: "null" })
      .output();
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const advice = `${command} is not installed (Debian: apt-get install ${debian})`;
    if (ci && Deno.env.get("CI") === "true") throw new Error(advice);
    console.log(`Skipped: ${advice}`);
    return false;
  }
}

/**
 * Runs a program to its end.
 *
 * @throws {Error} with its output, when it fails
 */
export async function runTool(command: string, ...args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  if (!success) throw new Error(`${command} ${args.join(" ")} failed:\n${text}`);
  return text;
}
