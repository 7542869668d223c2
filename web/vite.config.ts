import { defineConfig } from "vitest/config";

// Nothing is inlined: the server's content-security policy allows scripts and styles of its own origin only. Names carry hashes,
// since the server lets browsers keep what lies in assets/.
export default defineConfig({
  base: "./",
  build: {
    outDir: "../src/leadline/server/page",
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
