import { DetachedProcess } from "./detached_process.ts";

/**
 * Kills what `$1/pids` names and removes `$1` once process `$2` is gone, in whatever way it went;
 * ends by itself when the folder is gone. A zombie counts as gone.
 */
const GUARD = `
trap "" HUP INT TERM
alive() {
  kill -0 "$1" || return 1
  [ -r "/proc/$1/status" ] || return 0
  while read -r line; do case "$line" in State:*Z*) return 1 ;; esac; done < "/proc/$1/status"
}
while [ -d "$1" ]; do
  if ! alive "$2"; then
    for file in "$1"/pids/*; do kill -9 "\${file##*/}"; done
    rm -rf "$1"
  fi
  sleep 0.5
done`;

/**
 * A temporary folder and the processes that work in it; both are gone after dispose, and also when
 * this process ends first, by a signal, by `Deno.exit` or by a crash.
 *
 * Holds no handle and no open operation between calls: it may be made in one test and disposed in
 * another without a word from the test sanitizers.
 */
export class GuardedFolder implements AsyncDisposable {
  static readonly #open = new Set<GuardedFolder>();
  readonly path: string;
  readonly #children: DetachedProcess[] = [];

  private constructor(path: string) {
    this.path = path;
  }

  /** Makes the folder and starts its guard. */
  static async create(prefix: string): Promise<GuardedFolder> {
    const folder = new GuardedFolder(await Deno.makeTempDir({ prefix }));
    await Deno.mkdir(`${folder.path}/pids`);
    await new Deno.Command("sh", {
      args: ["-c", `( ${GUARD} ) >/dev/null 2>&1 </dev/null &`, "sh", folder.path, `${Deno.pid}`],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    if (this.#open.size === 0) globalThis.addEventListener("unload", this.#killAll);
    this.#open.add(folder);
    return folder;
  }

  /** Starts a program whose output is appended to `logFile`, with `env` beside what we have. */
  async start(
    command: string,
    args: readonly string[],
    logFile: string,
    env?: Readonly<Record<string, string>>,
  ): Promise<DetachedProcess> {
    const child = await DetachedProcess.start(command, args, { logFile, folder: this.path, env });
    this.#children.push(child);
    return child;
  }

  /** Kills what still runs and removes the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!GuardedFolder.#open.delete(this)) return;
    await Promise.all(this.#children.map((child) => child.kill()));
    await Deno.remove(this.path, { recursive: true });
  }

  /** A test file may end before its process; the guard takes the folders away after the latter. */
  static readonly #killAll = (): void => {
    for (const folder of this.#open) {
      for (const child of folder.#children) child.signal("SIGKILL");
    }
    this.#open.clear();
  };
}
