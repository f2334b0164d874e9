// Zoom, search and details for the flame graphs that perf-action draws. The drawing is complete without this script.
(function () {
  "use strict";
  const CHAR = 7.25, EPSILON = 1e-3;
  const percent = (frame, name) => parseFloat(frame.getAttribute(name));

  function start(svg) {
    if (svg.dataset.ready) return;
    svg.dataset.ready = "1";
    const frames = Array.from(svg.querySelectorAll(".f"), (node) => ({
      node, text: node.querySelector("text"), title: node.querySelector("title").textContent,
      x: percent(node, "x"), width: percent(node, "width"), row: parseFloat(node.getAttribute("y")),
      name: node.querySelector("text").textContent,
    }));
    const details = svg.querySelector(".details"), matched = svg.querySelector(".matched");
    const input = svg.querySelector("input"), reset = svg.querySelector("button");
    let zoomed = null, placed = false;

    function fit() {
      const pixels = svg.getBoundingClientRect().width / 100;
      if (!placed && pixels > 0) { placed = true; svg.parentNode.scrollTop = 1e6; } // the root is at the bottom
      for (const f of frames) {
        const room = Math.floor((percent(f.node, "width") * pixels - 6) / CHAR);
        f.text.textContent = f.name.length <= room ? f.name : room < 3 ? "" : f.name.slice(0, room - 1) + "…";
      }
    }

    function zoom(target) {
      zoomed = target;
      const from = target ? target.x : 0, width = target ? target.width : 100;
      for (const f of frames) {
        const above = target && f.row > target.row && f.x <= from + EPSILON && f.x + f.width >= from + width - EPSILON;
        const inside = f.x >= from - EPSILON && f.x + f.width <= from + width + EPSILON && (!target || f.row <= target.row);
        f.node.classList.toggle("up", Boolean(above));
        f.node.classList.toggle("gone", !above && !inside);
        if (above) { f.node.setAttribute("x", "0%"); f.node.setAttribute("width", "100%"); }
        else if (inside) {
          f.node.setAttribute("x", ((f.x - from) / width) * 100 + "%");
          f.node.setAttribute("width", (f.width / width) * 100 + "%");
        }
      }
      if (reset) reset.hidden = !target;
      fit();
    }

    function search(term) {
      const wanted = term.trim().toLowerCase();
      let share = 0, reached = -1;
      for (const f of frames) f.node.classList.toggle("hit", wanted !== "" && f.title.toLowerCase().split("\n")[0].includes(wanted));
      const hits = frames.filter((f) => f.node.classList.contains("hit")).sort((a, b) => a.x - b.x || b.width - a.width);
      for (const f of hits) if (f.x >= reached - EPSILON) { share += f.width; reached = f.x + f.width; }
      matched.textContent = wanted === "" ? "" : "matched " + share.toFixed(1) + " %";
    }

    const of = (event) => frames.find((f) => f.node === event.target.closest(".f"));
    svg.addEventListener("click", (event) => {
      const f = of(event);
      if (f) { zoom(f === zoomed ? null : f); details.textContent = f.title.replace("\n", " — "); }
    });
    svg.addEventListener("mouseover", (event) => { const f = of(event); if (f) details.textContent = f.title.replace("\n", " — "); });
    svg.addEventListener("keydown", (event) => {
      if (event.key === "Escape") zoom(null);
      const f = event.key === "Enter" && of(event);
      if (f) zoom(f === zoomed ? null : f);
    });
    if (input) input.addEventListener("input", () => search(input.value));
    if (reset) reset.addEventListener("click", () => zoom(null));
    window.addEventListener("resize", fit);
    if (window.ResizeObserver) new ResizeObserver(fit).observe(svg);
    fit();
  }

  const all = () => document.querySelectorAll("svg.flame").forEach(start);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", all); else all();
})();
