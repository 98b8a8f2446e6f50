import assert from "node:assert/strict";
import { GENERATED_DOCS } from "../support/generated_docs.ts";
import { repositoryText } from "../support/markdown.ts";

for (const { path, text } of GENERATED_DOCS) {
  Deno.test(`${path} is as the code makes it`, async () => {
    const now = await repositoryText(path);
    assert.equal(now, text(now), "run deno task docs");
  });
}
