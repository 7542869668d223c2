import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { defineConfig } from "vitest/config";

const ROOT = import.meta.dirname;
const PAGE = join(ROOT, "../src/leadline/server/page");
/** All that the built page comes from. */
const SOURCES = ["src", "public", "index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts"];
const RECORD = "build.json";

function digest(data: string | Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}

/** The digest of each file that `names` of a folder stand for or hold, by its path there. */
function digests(folder: string, names: readonly string[]): Record<string, string> {
  const files = names.flatMap((name) => {
    const path = join(folder, name);
    const below = readdirSync(folder, { withFileTypes: true }).find((entry) => entry.name === name)?.isDirectory();
    if (!below) return [path];
    const entries = readdirSync(path, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  });
  const named = files.map((path) => [relative(folder, path).split(sep).join("/"), digest(readFileSync(path))] as const);
  return Object.fromEntries(named.sort(([a], [b]) => (a < b ? -1 : 1)));
}

// Nothing is inlined: the server's content-security policy allows scripts and styles of its own origin only. Names carry hashes,
// since the server lets browsers keep what lies in assets/.
export default defineConfig({
  base: "./",
  plugins: [
    {
      // What was built from what, so that a test without Node can tell whether the committed page is up to date.
      name: "build-record",
      apply: "build",
      closeBundle() {
        const built = digests(PAGE, readdirSync(PAGE).filter((name) => name !== RECORD));
        writeFileSync(join(PAGE, RECORD), `${JSON.stringify({ sources: digests(ROOT, SOURCES), built }, null, 1)}\n`);
      },
    },
  ],
  build: {
    outDir: PAGE,
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 900,
    modulePreload: { polyfill: false },
  },
  server: {
    host: "127.0.0.1",
    proxy: { "/v1": process.env["LEADLINE_URL"] ?? "http://127.0.0.1:8765" },
  },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
