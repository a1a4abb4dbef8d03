// What all views share: the page's theme, a canvas that is sharp and follows its box, and the markers of the figures.

const VIEWS = {}; // each view registers itself: name -> (host, panel) => ({ draw(scene, events) })

const isDark = (element) => {
  const [red, green, blue] = getComputedStyle(element).color.match(/[\d.]+/g).map(Number);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 128; // light ink: the paper is dark
};

const FOCUSABLE = new Set(["button", "input", "select", "summary"]);

const make = (tag, properties = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && name !== "list" && name !== "form") element[name] = value;
    else element.setAttribute(name, value);
  }
  // Or JupyterLab's “d d” deletes the cell under it. On an element around it this comes too late: the focused one
  // matches the shortcut's selector first.
  if (FOCUSABLE.has(tag) || "tabIndex" in properties) element.setAttribute("data-lm-suppress-shortcuts", "true");
  element.append(...children);
  return element;
};

const kibi = (bytes) => {
  for (const [unit, size] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]])
    if (bytes >= size && bytes % (size / 4) === 0) return `${bytes / size} ${unit}`;
  return `${bytes.toLocaleString("en")} B`;
};

// The look of a close code or outcome, as in every figure; a code without one of its own looks like "failed".
const lookOf = (panel, meaning) => {
  const look = panel.looks[meaning] ?? { ...panel.looks.failed, label: `${meaning}` };
  return { ...look, color: panel.dark ? look.dark : look.color };
};

// The hatch of a look, as matplotlib names it, over its colour.
const hatched = (pen, look) => {
  const tile = Object.assign(document.createElement("canvas"), { width: 8, height: 8 });
  const hatch = tile.getContext("2d");
  hatch.fillStyle = look.color;
  hatch.fillRect(0, 0, 8, 8);
  hatch.strokeStyle = hatch.fillStyle = pen.paper;
  const line = (...points) => (hatch.beginPath(), points.forEach(([x, y]) => hatch.lineTo(x, y)), hatch.stroke());
  const strokes = {
    "/": () => [-8, 0, 8].forEach((shift) => line([shift, 8], [shift + 8, 0])),
    "\\": () => [-8, 0, 8].forEach((shift) => line([shift, 0], [shift + 8, 8])),
    "|": () => line([4, 0], [4, 8]),
    "-": () => line([0, 4], [8, 4]),
    "+": () => (strokes["|"](), strokes["-"]()),
    x: () => (strokes["/"](), strokes["\\"]()),
  };
  const dot = () => (hatch.beginPath(), hatch.arc(4, 4, 1.5, 0, 7), hatch.fill());
  if (look.hatch) (strokes[look.hatch] ?? dot)();
  return pen.createPattern(tile, "repeat");
};

// A canvas as wide as its host and as high as asked, repainted when its box or the theme changes.
const newCanvas = (host, paint) => {
  const canvas = make("canvas", { role: "img" });
  host.append(canvas);
  const repaint = (height) => {
    const ratio = window.devicePixelRatio || 1;
    const width = host.clientWidth;
    canvas.style.height = `${height}px`;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const style = getComputedStyle(host);
    pen.ink = style.color;
    pen.paper = isDark(host) ? "#111111" : "#FFFFFF";
    pen.quiet = isDark(host) ? "#8A8A8A" : "#767676";
    pen.shade = isDark(host) ? "#3A3A3A" : "#E3E3E3";
    pen.font = `12px ${style.fontFamily}`;
    pen.textBaseline = "middle";
    paint(pen, width, height);
  };
  return { canvas, repaint };
};

// matplotlib's markers, by their names there.
const drawMarker = (pen, marker, x, y, radius, color) => {
  pen.fillStyle = pen.strokeStyle = color;
  pen.lineWidth = 2;
  const polygon = (corners, turn = 0, squeeze = 1) => {
    pen.beginPath();
    for (let i = 0; i < corners; i++) {
      const angle = (2 * Math.PI * i) / corners - Math.PI / 2 + turn;
      pen.lineTo(x + squeeze * radius * Math.cos(angle), y + radius * Math.sin(angle));
    }
    pen.closePath();
    pen.fill();
  };
  const cross = (turn) => {
    pen.beginPath();
    for (const angle of [turn, turn + Math.PI / 2]) {
      pen.moveTo(x - radius * Math.cos(angle), y - radius * Math.sin(angle));
      pen.lineTo(x + radius * Math.cos(angle), y + radius * Math.sin(angle));
    }
    pen.lineWidth = 3;
    pen.stroke();
  };
  const shapes = {
    o: () => (pen.beginPath(), pen.arc(x, y, radius, 0, 7), pen.fill()),
    "^": () => polygon(3),
    v: () => polygon(3, Math.PI),
    ">": () => polygon(3, Math.PI / 2),
    "<": () => polygon(3, -Math.PI / 2),
    s: () => polygon(4, Math.PI / 4),
    D: () => polygon(4),
    d: () => polygon(4, 0, 0.6),
    p: () => polygon(5),
    H: () => polygon(6),
    8: () => polygon(8),
    X: () => cross(Math.PI / 4),
    P: () => cross(0),
    "*": () => (cross(Math.PI / 4), cross(0)),
  };
  if (shapes[marker]) return shapes[marker]();
  pen.textAlign = "center"; // a letter, written as mathtext
  pen.fillText({ "$\\dagger$": "†", "$\\sim$": "~" }[marker] ?? marker.replaceAll("$", ""), x, y);
  pen.textAlign = "start";
};
