// Reads a file with speedscope's own importer and prints what it found: node totals.mjs FILE
//
// speedscope is a page, and its importer is inside of that page's script. The script is run with a stand-in for the
// browser and one line put in front that hands the importer out; nothing of the importer itself is changed. The page
// cannot be drawn without a browser: what it throws when it tries comes after everything that is needed.
import { readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";

const file = process.argv[2];
const release = join(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "node_modules/speedscope/dist/release");
const bundle = readdirSync(release).find((name) => /^speedscope-\w+\.js$/.test(name));
const script = readFileSync(join(release, bundle), "utf8");
const importer = /\.lastIndexOf\("\/"\)\+1\)\)?,await (\w+)\(\w+,await \w+\.arrayBuffer\(\)\)/.exec(script)?.[1];
if (!importer) throw new Error("the importer was not found in this version of speedscope");

const anything = new Proxy(function () {}, {
  get: (_, key) => (key === Symbol.toPrimitive ? () => "" : key === Symbol.iterator ? function* () {} : anything),
  set: () => true,
  has: () => true,
  apply: () => anything,
  construct: () => anything,
});
for (const name of ["window", "document", "location", "localStorage", "requestAnimationFrame", "HTMLElement", "Image"]) {
  Object.defineProperty(globalThis, name, { value: anything, configurable: true, writable: true });
}
console.log = console.warn = console.error = () => {};
const opening = "(()=>{";
const start = script.indexOf(opening) + opening.length;
try {
  (0, eval)(`${script.slice(0, start)}globalThis.importProfile=(...a)=>${importer}(...a);${script.slice(start)}`);
} catch {
  // drawing the page
}

const { buffer, byteOffset, length } = readFileSync(file);
const group = await globalThis.importProfile(basename(file), buffer.slice(byteOffset, byteOffset + length));
const profiles = (group?.profiles ?? []).map((profile) => {
  const selves = {};
  profile.forEachFrame((frame) => { selves[frame.name] = (selves[frame.name] ?? 0) + frame.getSelfWeight(); });
  return { name: profile.getName(), unit: profile.getWeightUnit(), total: profile.getTotalNonIdleWeight(), selves };
});
process.stdout.write(JSON.stringify(profiles));
