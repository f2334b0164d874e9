// Stands in for actions/cache/restore, over the library that the real one is made of.
const core = require("@actions/core");
const cache = require("@actions/cache");

async function main() {
  const key = core.getInput("key", { required: true });
  const hit = await cache.restoreCache(core.getMultilineInput("path", { required: true }), key);
  core.setOutput("cache-primary-key", key);
  core.setOutput("cache-matched-key", hit ?? "");
  core.setOutput("cache-hit", hit === undefined ? "" : String(hit === key));
  core.info(hit ? `Cache restored from key: ${hit}` : `Cache not found for input keys: ${key}`);
}

main().then(() => process.exit(), (error) => { core.setFailed(error.message); process.exit(1); });
