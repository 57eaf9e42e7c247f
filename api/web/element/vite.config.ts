/** Builds `../chapter-verse.js`: one file, nothing fetched from elsewhere, its sources' hash on top. */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, type Plugin } from "vite";

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

const banner = `/*! <chapter-verse>, built from api/web/element; sources sha256 ${sourcesHash()}; licences of what it contains: chapter-verse.licences.txt */`;

/** Writes the licences beside the script, which names the file: they would be a twentieth of what pages load. */
const licences: Plugin = {
  name: "licences",
  closeBundle() {
    const texts = [
      ["lit, lit-html, lit-element and @lit/reactive-element", "lit"],
      ["eventsource-parser", "eventsource-parser"],
    ].map(([what, name]) => `chapter-verse.js contains ${what}:\n\n${licence(name as string)}\n`);
    writeFileSync("dist/chapter-verse.licences.txt", texts.join("\n"));
  },
};

/** Takes out of Lit what it keeps in the page: lists of its versions, and what decorators say, which are not used here. */
const noGlobals: Plugin = {
  name: "no-globals",
  transform(code, id) {
    return /node_modules\/(?:lit|@lit)/.test(id)
      ? code
          .replace(/\(\w+\.(?:litHtml|litElement|reactiveElement)Versions\?\?=\[\]\)\.push\("[\d.]+"\)/, "0")
          .replace(/\w+\.litPropertyMetadata\?\?=new WeakMap/, "0")
          .replace(/litPropertyMetadata\.get\(\w+\)/, "void 0")
      : null;
  },
};

/** Takes out of templates what a browser does not read: their indentation, and the comments and blanks of styles. */
const compactTemplates: Plugin = {
  name: "compact-templates",
  enforce: "pre",
  transform(code, id) {
    if (!id.includes("/src/")) {
      return null;
    }
    return id.endsWith("/styles.ts") ? code.replace(/(?<== css`)[^`]+/, compactStyles) : code.replace(/\n +/g, "\n");
  },
};

function compactStyles(css: string): string {
  return css
    .replace(/\/\*.*?\*\//gs, "")
    .replace(/\s+/g, " ")
    .replace(/ ?([{};,]) ?/g, "$1")
    .replace(/: /g, ":")
    .replace(/;}/g, "}");
}

export default defineConfig({
  plugins: [noGlobals, compactTemplates, licences],
  build: {
    lib: { entry: "src/chapter-verse.ts", formats: ["es"], fileName: () => "chapter-verse.js" },
    outDir: "dist",
    copyPublicDir: false,
    target: "es2022",
    rolldownOptions: { output: { minify: true, postBanner: banner } },
  },
});
