// Builds the web app into dist/: app.js, and the chunks it loads when a page needs them (their names carry a hash); sw.js.
import { build } from "esbuild";
import { rm } from "node:fs/promises";

await rm("dist", { recursive: true, force: true });
await build({
    entryPoints: ["src/app.tsx"],
    outdir: "dist",
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    minify: true,
    jsx: "automatic",
    jsxImportSource: "preact",
    chunkNames: "[name]-[hash]",
    logLevel: "warning",
});

// The service worker stands alone, under a name that stays.
await build({ entryPoints: ["src/sw.ts"], outfile: "dist/sw.js", bundle: true, format: "iife", target: "es2022", minify: true, logLevel: "warning" });
