// Stands in for actions/cache/save, over the library that the real one is made of.
const core = require("@actions/core");
const cache = require("@actions/cache");

async function main() {
  const key = core.getInput("key", { required: true });
  const id = await cache.saveCache(core.getMultilineInput("path", { required: true }), key);
  // as the real one: what could not be saved is a warning of the library, not a failure
  if (id !== -1) core.info(`Cache saved with key: ${key}`);
}

main().then(() => process.exit(), (error) => { core.setFailed(error.message); process.exit(1); });
