// Builds the web app into dist/: app.js, and the chunks it loads when a page needs them (their names carry a hash).
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
