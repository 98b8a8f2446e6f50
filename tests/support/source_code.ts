/** A file of `src/`: its path from the root of the repository, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** One import or re-export, dynamic ones included. */
export interface Import {
  readonly specifier: string;
  readonly line: number;
}

/** All TypeScript files of a folder of the repository, in order of their paths. */
export async function sourceFiles(folder: string): Promise<SourceFile[]> {
  const root = new URL("../../", import.meta.url);
  const files: SourceFile[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(`${folder}/`, root))) {
    const path = `${folder}/${name}`;
    if (isDirectory) files.push(...await sourceFiles(path));
    else if (name.endsWith(".ts")) {
      files.push({ path, text: await Deno.readTextFile(new URL(path, root)) });
    }
  }
  return files.sort((a, b) => a.path < b.path ? -1 : 1);
}

/** What a text imports, whatever stands in its comments and strings. */
export function importsOf(text: string): Import[] {
  const code = codeOf(text);
  const found: Import[] = [];
  const pattern = /(?<![\w$.])(?:from|import|import\s*\()\s*(["'])/g;
  for (const match of code.matchAll(pattern)) {
    const start = match.index + match[0].length;
    const end = code.indexOf(match[1], start);
    const line = code.slice(0, match.index).split("\n").length;
    found.push({ specifier: text.slice(start, end), line });
  }
  return found;
}

/** After one of these a slash begins a regular expression; after anything else it divides. */
const BEFORE_REGEX =
  /(?:^|[(,=:[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|of|void|await|else))\s*$/;

/**
 * The text with blanks for comments and for what is inside strings and regular expressions, at the
 * same places. Code inside `${}` stays.
 */
export function codeOf(text: string): string {
  const out = text.split("");
  let at = 0;
  const blank = (from: number, to: number) => {
    for (let i = from; i < to; i++) if (out[i] !== "\n") out[i] = " ";
  };
  /** Goes on behind a delimiter that is not escaped; stands at it. */
  const toEnd = (isEnd: (char: string) => boolean): void => {
    while (at < text.length && !isEnd(text[at])) at += text[at] === "\\" ? 2 : 1;
  };
  const template = (): void => {
    let from = at;
    while (at < text.length && text[at] !== "`") {
      if (text.startsWith("${", at)) {
        blank(from, at);
        at += 2;
        code("}");
        from = at;
      } else {
        at += text[at] === "\\" ? 2 : 1;
      }
    }
    blank(from, at);
    at++;
  };
  const regex = (): void => {
    const from = at;
    let inClass = false;
    toEnd((char) => {
      if (char === "[") inClass = true;
      if (char === "]") inClass = false;
      return (char === "/" && !inClass) || char === "\n";
    });
    blank(from, at);
    at++;
  };
  const code = (closing?: string): void => {
    for (let depth = 0; at < text.length;) {
      const char = text[at];
      if (char === closing && depth === 0) {
        at++;
        return;
      }
      if (char === "{") depth++;
      if (char === "}") depth--;
      if (text.startsWith("//", at) || text.startsWith("/*", at)) {
        const end = text.indexOf(text[at + 1] === "/" ? "\n" : "*/", at + 2);
        const to = end < 0 ? text.length : text[at + 1] === "/" ? end : end + 2;
        blank(at, to);
        at = to;
      } else if (char === '"' || char === "'") {
        const from = ++at;
        toEnd((each) => each === char || each === "\n");
        blank(from, at);
        at++;
      } else if (char === "`") {
        at++;
        template();
      } else if (char === "/" && BEFORE_REGEX.test(out.slice(Math.max(at - 40, 0), at).join(""))) {
        at++;
        regex();
      } else {
        at++;
      }
    }
  };
  code();
  return out.join("");
}
