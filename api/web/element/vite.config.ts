/** Builds `../chapter-verse.js`: one file, nothing fetched from elsewhere, its sources' hash on top. */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vite";

/** The hash that `tests/api/test_chat_page.py` makes anew, so that a stale build is seen without a build. */
function sourcesHash(): string {
  const files = ["package.json", "tsconfig.json", "vite.config.ts"];
  for (const entry of readdirSync("src", { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) {
      files.push(join(entry.parentPath, entry.name).replaceAll("\\", "/"));
    }
  }
  const hash = createHash("sha256");
  for (const file of files.sort()) {
    hash.update(`${file}\0`).update(readFileSync(file)).update("\0");
  }
  return hash.digest("hex");
}

function licence(name: string): string {
  return readFileSync(`node_modules/${name}/LICENSE`, "utf8").trim();
}

const banner = `/*! <chapter-verse>, built from api/web/element; sources sha256 ${sourcesHash()}

Contains lit, lit-html, lit-element and @lit/reactive-element:

${licence("lit")}

Contains eventsource-parser:

${licence("eventsource-parser")}
*/`;

export default defineConfig({
  build: {
    lib: { entry: "src/chapter-verse.ts", formats: ["es"], fileName: () => "chapter-verse.js" },
    outDir: "dist",
    copyPublicDir: false,
    target: "es2022",
    rolldownOptions: { output: { minify: true, postBanner: banner } },
  },
});
