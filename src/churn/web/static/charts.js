// One choice of a chart at a time, and what a value says to a reader who points at it or steps with the arrow keys.
"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";

  function choose(figure) {
    const views = [...figure.querySelectorAll("[data-view]")];
    if (views.length < 2) return;
    const label = figure.querySelector(".pick-label");
    const select = figure.querySelector("select");
    label.hidden = false;
    const show = () => views.forEach((view, i) => { view.hidden = i !== Number(select.value); });
    views.forEach((view) => view.querySelector("h4").classList.add("unseen"));
    select.addEventListener("change", show);
    show();
  }

  function point(drawing) {
    const spots = JSON.parse(drawing.dataset.spots);
    const svg = drawing.querySelector("svg");
    if (!spots.length) return;
    const tip = document.createElement("div");
    tip.className = "tip";
    tip.hidden = true;
    tip.setAttribute("aria-live", "polite");
    drawing.append(tip);
    const ring = document.createElementNS(SVG, "circle");
    ring.setAttribute("r", "7");
    ring.setAttribute("class", "ring");
    let at = -1;

    function show(i) {
      at = i;
      const [x, y, text] = spots[i];
      ring.setAttribute("cx", x);
      ring.setAttribute("cy", y);
      svg.append(ring);
      tip.textContent = text;
      tip.hidden = false;
      const scale = svg.clientWidth / svg.viewBox.baseVal.width;
      const left = Math.min(Math.max(x * scale - tip.offsetWidth / 2, 0), svg.clientWidth - tip.offsetWidth);
      const down = (y - svg.viewBox.baseVal.y) * scale;
      const above = down - tip.offsetHeight - 12;
      tip.style.left = `${left}px`;
      tip.style.top = `${above > 0 ? above : down + 14}px`;
    }
    function hide() {
      tip.hidden = true;
      ring.remove();
    }
    drawing.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const scale = svg.viewBox.baseVal.width / box.width;
      const x = (event.clientX - box.left) * scale;
      const y = (event.clientY - box.top) * scale + svg.viewBox.baseVal.y;
      let best = -1;
      let least = 60 * 60;
      spots.forEach((spot, i) => {
        const far = (spot[0] - x) ** 2 + (spot[1] - y) ** 2;
        if (far < least) { least = far; best = i; }
      });
      if (best < 0) hide(); else show(best);
    });
    drawing.addEventListener("pointerleave", hide);
    drawing.addEventListener("blur", hide);
    drawing.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") hide();
      if (!step) return;
      event.preventDefault();
      show((at + step + spots.length) % spots.length);
    });
  }

  document.querySelectorAll(".chart").forEach(choose);
  document.querySelectorAll(".drawing").forEach(point);
})();
