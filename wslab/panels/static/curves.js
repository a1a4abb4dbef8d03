// What views of curves share: axes with round numbers, lines and marks in a look of their own, and the keys to them.

const roundNumber = (value) => value.toLocaleString("en", { maximumSignificantDigits: 4 });

// From values to pixels, with ticks at round values, about `count` of them.
const linearAxis = (low, high, from, to, count) => {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * (1 - 1e-9));
  const ticks = [];
  for (let tick = Math.ceil(low / step); tick * step <= high * (1 + 1e-9); tick++) ticks.push(tick * step);
  return { at: (value) => from + ((to - from) * (value - low)) / (high - low), ticks };
};

// The same for logarithms; what is below `low`, as nothing is, lies on the edge.
const logAxis = (low, high, from, to, count) => {
  const [first, last] = [Math.log10(low), Math.log10(high)];
  const stride = Math.max(1, Math.ceil((last - first) / count));
  const ticks = [];
  for (let power = Math.ceil(first); power <= last; power += stride) ticks.push(10 ** power);
  return { at: (value) => from + ((to - from) * (Math.log10(Math.max(value, low)) - first)) / (last - first), ticks };
};

// Grid, ticks and names. `box` has left, right, top, bottom; a name of an axis says its unit.
const drawAxes = (pen, box, { x, y, xName, yName, write = roundNumber, numbered = true }) => {
  pen.textAlign = "end";
  for (const tick of y.ticks) {
    pen.fillStyle = pen.shade;
    pen.fillRect(box.left, y.at(tick), box.right - box.left, 1);
    pen.fillStyle = pen.quiet;
    pen.fillText(write(tick), box.left - 6, y.at(tick));
  }
  pen.textAlign = "center";
  for (const tick of x.ticks) {
    pen.fillStyle = pen.quiet;
    pen.fillRect(x.at(tick), box.bottom, 1, 4);
    if (numbered) pen.fillText(roundNumber(tick), x.at(tick), box.bottom + 12);
  }
  pen.fillRect(box.left, box.bottom, box.right - box.left, 1);
  if (xName) pen.fillText(xName, (box.left + box.right) / 2, box.bottom + 28);
  pen.textAlign = "start";
  pen.fillStyle = pen.ink;
  pen.fillText(yName, 0, box.top - 12);
};

const colorIn = (panel, look) => (panel.dark ? look.dark : look.color);

const drawCurve = (pen, panel, look, points, thick = 2) => {
  pen.strokeStyle = colorIn(panel, look);
  pen.lineWidth = thick;
  pen.setLineDash(look.dash.map((length) => length * thick));
  pen.lineJoin = "round";
  pen.beginPath();
  points.forEach(([x, y], index) => (index ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.stroke();
  pen.setLineDash([]);
};

// A list in words, each entry { paint(pen, width, height), content } with a swatch before it.
const newKeys = (host, name) => {
  const list = make("ul", { className: `wslab-keys ${name}` });
  host.append(list);
  const swatch = (paint) => {
    const canvas = make("canvas", { "aria-hidden": "true" });
    const [width, height, ratio] = [40, 14, window.devicePixelRatio || 1];
    Object.assign(canvas, { width: width * ratio, height: height * ratio });
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    paint(pen, width, height);
    return canvas;
  };
  return (entries) =>
    list.replaceChildren(...entries.map(({ paint, content }) => make("li", {}, swatch(paint), make("span", {}, ...content))));
};

const lineKey = (panel, look, marker) => (pen, width, height) => {
  drawCurve(pen, panel, look, [[0, height / 2], [width, height / 2]]);
  if (marker) drawMarker(pen, marker, width / 2, height / 2, 5, colorIn(panel, look));
};
