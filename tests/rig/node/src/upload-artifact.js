// Stands in for actions/upload-artifact: the same inputs and outputs, over the library that the real one is made of.
const fs = require("node:fs");
const path = require("node:path");
const core = require("@actions/core");
const { DefaultArtifactClient } = require("@actions/artifact");

function files(folder) {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    // like the real one: hidden files are left out unless asked for
    if (entry.name.startsWith(".") && !core.getBooleanInput("include-hidden-files")) return [];
    const full = path.join(folder, entry.name);
    return entry.isDirectory() ? files(full) : [full];
  });
}

async function main() {
  const name = core.getInput("name");
  const root = path.resolve(core.getInput("path", { required: true }));
  const found = fs.existsSync(root) ? files(root) : [];
  if (found.length === 0) {
    const message = `No files were found with the provided path: ${root}. No artifacts will be uploaded.`;
    const policy = core.getInput("if-no-files-found");
    return policy === "error" ? core.setFailed(message) : policy === "warn" ? core.warning(message) : core.info(message);
  }
  const retentionDays = Number(core.getInput("retention-days")) || undefined;
  const answer = await new DefaultArtifactClient().uploadArtifact(name, found, root, { retentionDays });
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run } = process.env;
  core.setOutput("artifact-id", answer.id);
  core.setOutput("artifact-digest", answer.digest);
  core.setOutput("artifact-url", `${server}/${repository}/actions/runs/${run}/artifacts/${answer.id}`);
  core.info(`Artifact ${name}: ${found.length} files, ${answer.size} bytes, id ${answer.id}`);
}

// the library keeps sockets open
main().then(() => process.exit(), (error) => { core.setFailed(error.message); process.exit(1); });
