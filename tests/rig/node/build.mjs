// Bundles each stand-in into the action folder that act runs it from: node build.mjs OUT
import { build } from "esbuild";
import { join } from "node:path";

const out = process.argv[2];
const bundles = { "upload-artifact": "upload-artifact", "cache-restore": "cache/restore", "cache-save": "cache/save" };

for (const [source, action] of Object.entries(bundles)) {
  await build({
    entryPoints: [`src/${source}.js`],
    outfile: join(out, action, "index.js"),
    bundle: true,
    platform: "node",
    target: "node20",
    keepNames: true, // the Azure client finds its retry policies by class name
    legalComments: "none",
    logLevel: "warning",
  });
}
