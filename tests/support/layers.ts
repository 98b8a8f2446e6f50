import { codeOf, importsOf, type SourceFile } from "./source_code.ts";

/** Rank of each folder of `src/`: it may import strictly lower ranks and itself (design, section 4). */
const RANKS: Readonly<Record<string, number>> = {
  core: 0,
  config: 1,
  protocol: 1,
  stream: 1,
  auth: 1,
  observe: 1,
  kafka: 2,
  socket: 2,
  client: 2,
  console: 3,
  log: 3,
  session: 4,
  server: 5,
  cli: 6,
  "main.ts": 7,
  "mod.ts": 6,
};

/** Words that only one place of `src/`, or some, may say in their code. */
const OWN_WORDS: readonly (readonly [word: RegExp, place: string])[] = [
  [/\bDeno\s*\.\s*upgradeWebSocket\b/, "src/socket/"],
  [/\bWebSocket\b/, "src/socket/ src/client/"],
  [/\bDeno\s*\.\s*(?:args|env|exit)\b/, "src/main.ts"],
  [/(?<![.#])\bconsole(?=\s*\.)/, "src/main.ts"],
];

/** Foreign modules that only one place of `src/` may import. */
const OWN_MODULES: readonly (readonly [module: RegExp, place: string])[] = [
  [/^(?:npm:)?kafkajs(?:[@/]|$)/, "src/kafka/"],
];

/** What is imported by the protocol beside itself and the core: the browser must be able to load it. */
const PROTOCOL_MODULES: readonly string[] = ["src/protocol/frame_scratch.ts node:buffer"];

/** What in these files goes against the order of the house, one line each. */
export function layerViolations(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) => [
    ...importsOf(text).flatMap(({ specifier, line }) => {
      const wrong = wrongImport(path, specifier);
      return wrong === undefined ? [] : [`${path}:${line} imports "${specifier}": ${wrong}`];
    }),
    ...foreignWords(path, text),
  ]);
}

function wrongImport(path: string, specifier: string): string | undefined {
  const isRelative = specifier.startsWith(".");
  for (const [module, place] of OWN_MODULES) {
    if (module.test(specifier) && !path.startsWith(place)) return `only ${place} may`;
  }
  if (roomOf(path) === "protocol" && !isRelative) {
    return PROTOCOL_MODULES.includes(`${path} ${specifier}`)
      ? undefined
      : "the protocol imports itself and the core only";
  }
  if (!isRelative) return undefined;
  const target = new URL(specifier, `file:///${path}`).pathname.slice(1);
  if (!target.startsWith("src/")) return "it is outside of src/";
  const [own, other] = [roomOf(path), roomOf(target)];
  if (own === other) return undefined;
  const [ownRank, otherRank] = [RANKS[own], RANKS[other]];
  if (ownRank === undefined) return `${own} has no rank`;
  if (otherRank === undefined) return `${other} has no rank`;
  if (otherRank >= ownRank) return `${other} is of rank ${otherRank}, ${own} of rank ${ownRank}`;
  if (own === "client" && other !== "protocol") return "the client imports the protocol only";
  if (own === "protocol" && other !== "core") {
    return "the protocol imports itself and the core only";
  }
}

function foreignWords(path: string, text: string): string[] {
  const lines = codeOf(text).split("\n");
  return OWN_WORDS.filter(([, places]) =>
    !places.split(" ").some((place) => path.startsWith(place))
  ).flatMap(([word, place]) =>
    lines.flatMap((line, i) => {
      const found = word.exec(line);
      const who = place.split(" ").join(" and ");
      return found === null ? [] : [`${path}:${i + 1} says "${found[0]}": only ${who} may`];
    })
  );
}

/** The folder under `src/`, or the file itself where it is in none. */
function roomOf(path: string): string {
  return path.split("/")[1];
}
