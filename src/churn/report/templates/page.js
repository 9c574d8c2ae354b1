"use strict";
(() => {
  const root = document.documentElement;
  root.classList.remove("no-script");
  const plots = new Map(JSON.parse(document.getElementById("plots").textContent).map((plot) => [plot.name, plot]));
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = () => innerWidth < 600;

  // Plotly reads a little HTML in texts; texts of a log are to be shown as they are.
  const plain = (text) => (typeof text === "string" ? text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;") : text);
  const short = (text, length) => (text.length > length ? text.slice(0, length - 1) + "…" : text);
  // Plotly breaks no lines by itself; at most two, then the rest is cut.
  function wrapped(text, length) {
    const end = text.lastIndexOf(" ", length);
    if (text.length <= length || end < 1) return plain(short(text, length));
    return plain(text.slice(0, end)) + "<br>" + plain(short(text.slice(end + 1), length));
  }
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const faint = (hex) => hex + "2e";

  function traces(plot, series) {
    return series.flatMap((one) => {
      const hue = colour(`--c${one.colour}`);
      const value = plot.y.percent ? ".1%" : ",.4~g";
      const place = plot.x.percent ? ".1%" : ",.4~g";
      const at = typeof one.x[0] === "string" ? "%{" + (plot.flat ? "y" : "x") + "}" : "%{x:" + place + "}";
      const height = "%{" + (plot.flat ? "x" : "y") + ":" + value + "}";
      const labels = one.x.map(plain);
      const trace = {
        name: plain(one.name),
        x: plot.flat ? one.y : labels,
        y: plot.flat ? labels : one.y,
        customdata: one.notes.length ? one.notes.map(plain) : undefined,
        hovertemplate: `${at}: <b>${height}</b>` + (one.notes.length ? "<br>%{customdata}" : "") + `<extra>${plain(one.name)}</extra>`,
      };
      if (one.kind === "bar") {
        return [{ ...trace, type: "bar", orientation: plot.flat ? "h" : "v", marker: { color: hue } }];
      }
      if (one.kind === "points") {
        const error = { type: "data", symmetric: false, thickness: 1.5, width: 3, color: hue,
          array: one.y.map((y, i) => (one.high[i] ?? y) - y), arrayminus: one.y.map((y, i) => y - (one.low[i] ?? y)) };
        const whiskers = one.low.length ? { [plot.flat ? "error_x" : "error_y"]: error } : {};
        return [{ ...trace, ...whiskers, type: "scatter", mode: "markers", marker: { color: hue, size: 9 },
          orientation: plot.flat ? "h" : "v", offsetgroup: one.name }];
      }
      const line = { ...trace, type: "scatter", mode: "lines", line: { color: hue, width: 2.2, dash: one.dashed ? "dash" : "solid" } };
      if (one.dashed) line.hoverinfo = "skip", delete line.hovertemplate;
      if (!one.low.length) return [line];
      const edge = { x: labels, type: "scatter", mode: "lines", line: { width: 0 }, hoverinfo: "skip", showlegend: false };
      return [{ ...edge, y: one.low }, { ...edge, y: one.high, fill: "tonexty", fillcolor: faint(hue) }, line];
    });
  }

  function axis(spec) {
    return {
      title: { text: wrapped(spec.title, narrow() ? 42 : 90), standoff: 8 }, automargin: true, gridcolor: colour("--rule"), zerolinecolor: colour("--c0"),
      linecolor: colour("--rule"), tickformat: spec.percent ? ".3~%" : undefined, range: spec.ends ?? undefined,
      rangemode: spec.zero ? "tozero" : "normal", fixedrange: narrow(),
    };
  }

  function layout(plot, series) {
    const x = axis(plot.x), y = axis(plot.y);
    const names = series.flatMap((one) => one.x).filter((name) => typeof name === "string");
    const distinct = [...new Set(names)];
    const ticks = { tickmode: "array", tickvals: distinct.map(plain) };
    const several = series.length > 1;
    if (plot.flat) {
      Object.assign(y, { fixedrange: narrow() });
      const across = { ...y, automargin: true };
      const down = { ...x, title: undefined, type: "category", autorange: "reversed", fixedrange: true,
        showgrid: false, ...ticks, ticktext: distinct.map((name) => wrapped(name, narrow() ? 24 : 48)) };
      // Points of several series on one line stand beside each other, like bars.
      return frame({ xaxis: across, yaxis: down, several, scattermode: names.length > distinct.length ? "group" : "overlay",
        height: 110 + distinct.length * (narrow() || (series.some((s) => s.kind === "bar") && several) ? 34 : 25) });
    }
    if (names.length && /^\d{4}-\d\d-\d\d$/.test(names[0])) Object.assign(x, { type: "date", dtick: distinct.length < 15 ? 86400000 : undefined, tickformat: "%-d %b" });
    else if (names.length) x.type = "category";
    return frame({ xaxis: x, yaxis: y, height: narrow() ? 340 : 400, several });
  }

  function frame({ several, height, ...axes }) {
    return {
      ...axes, height: height + (several ? 30 : 0), barmode: "group", bargap: 0.2, showlegend: several,
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
      margin: { l: 10, r: 12, t: several ? 34 : 12, b: 10 },
      font: { family: "system-ui, sans-serif", size: narrow() ? 11 : 13, color: colour("--ink") },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", hovermode: "closest",
      hoverlabel: { bgcolor: colour("--paper"), bordercolor: colour("--c0"), font: { color: colour("--ink") }, namelength: 40 },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("--c0"), activecolor: colour("--ink") },
    };
  }

  const config = { displaylogo: false, responsive: true, showLink: false, showSendToCloud: false, displayModeBar: "hover",
    modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]] };
  const drawn = new Set();

  function draw(figure) {
    const plot = plots.get(figure.dataset.plot);
    const chosen = Number(figure.querySelector("select")?.value ?? 0);
    const series = plot.choices[chosen].series;
    Plotly.react(figure.querySelector(".live"), traces(plot, series), layout(plot, series), config);
    figure.classList.add("drawn");
    drawn.add(figure);
  }

  const figures = [...document.querySelectorAll("figure.plot")];
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting && !drawn.has(entry.target)) draw(entry.target);
    }
  }, { rootMargin: "600px" });
  for (const figure of figures) {
    seen.observe(figure);
    figure.querySelector("select")?.addEventListener("change", () => draw(figure));
  }
  const redraw = () => drawn.forEach(draw);
  dark.addEventListener("change", redraw);
  let width = narrow();
  addEventListener("resize", () => {
    if (width !== narrow()) { width = narrow(); redraw(); }
  });
  const button = document.getElementById("theme");
  button.hidden = false;
  button.addEventListener("click", () => {
    const now = root.dataset.theme ?? (dark.matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
    redraw();
  });
})();
