// Does one thing in each of its functions, which are named after it.
const fs = require("fs");
const zlib = require("zlib");

const dishes = [];
for (let i = 0; i < 300; i++) dishes.push({ id: i, name: "n" + i, tags: ["a", "b"], value: i / 3 });
const text = JSON.stringify(dishes);

function do_regex() {
  let n = 0;
  for (let k = 0; k < 50; k++) while (/("|')x(\w+\s?)+z/.test(text.slice(0, 3000))) n++;
  return n;
}

function do_compression() {
  for (let i = 0; i < 20; i++) zlib.gzipSync(text);
}

function do_logging() {
  for (let i = 0; i < 200; i++) console.error("hello %s %d", "x", i);
}

function do_io() {
  for (let i = 0; i < 300; i++) fs.readFileSync("/proc/self/stat");
}

function do_other() {
  let total = 0;
  for (let i = 0; i < 3e6; i++) total = (total + i * i) % 7;
  return total;
}

const end = Date.now() + 5000;
(function loop() {
  do_regex();
  do_compression();
  do_logging();
  do_io();
  do_other();
  if (Date.now() < end) setImmediate(loop);
})();
