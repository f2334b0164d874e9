// A small Node program to profile: two functions in known proportions, a method, a wait, and memory that is kept.
"use strict";

const kept = [];

function price(n) {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += (i * i) % 7;
  return sum;
}

const search = (n) => Array.from({ length: n }, (_, i) => String(i)).sort();

class Basket {
  total(n) {
    kept.push(new Array(n).fill(n));
    return price(300 * n) + search(n).length;
  }
}

function serve(milliseconds) {
  const end = Date.now() + milliseconds;
  let sum = 0;
  while (Date.now() < end) sum += new Basket().total(1000);
  return sum;
}

setTimeout(() => serve(150), 50);
