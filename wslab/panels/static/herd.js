// A herd that comes back: attempts over time against the capacity, and below the share of clients that are back.
// Lines are simulated, marks are real clients, each counted as many times as it stands for.

VIEWS.herd = (host, panel) => {
  const TOP = 24, UPPER = 136, BETWEEN = 28, LOWER = 84, BOTTOM = 38, LEFT = 72, RIGHT = 8;
  let scene = {};
  const herds = () => scene.herds ?? [];
  const all = () => herds().flatMap(({ simulated, real }) => (real ? [simulated, real] : [simulated]));
  const most = (values) => values.reduce((one, other) => Math.max(one, other), 0);

  const paint = (pen, width) => {
    pen.fillStyle = pen.quiet;
    if (!herds().length) return pen.fillText("nothing was simulated yet", LEFT, TOP);
    const upper = { left: LEFT, right: width - RIGHT, top: TOP, bottom: TOP + UPPER };
    const lower = { ...upper, top: upper.bottom + BETWEEN, bottom: upper.bottom + BETWEEN + LOWER };
    const bin_s = all()[0]?.bin_s ?? 0.1;
    const capacity = (scene.capacity_per_s ?? 0) * bin_s;
    const end_s = Math.max(...all().map((curve) => curve.end_s), scene.downtime_s ?? 0, 1);
    const x = linearAxis(0, end_s, upper.left, upper.right, 10);
    const peak = Math.max(most(all().flatMap((curve) => curve.attempts)), capacity, 10);
    const lowest = Math.min(0.7, capacity ? capacity / 1.5 : 0.7);
    const attempts = logAxis(lowest, 1.6 * peak, upper.bottom, upper.top, 5);
    const shares = linearAxis(0, 1.04, lower.bottom, lower.top, 4);
    shadeDown(pen, x, upper, lower);
    drawAxes(pen, upper, { x, y: attempts, yName: `attempts per ${bin_s} s (log scale), since the server went down`, numbered: false });
    drawAxes(pen, lower, {
      ...{ x, y: shares, write: (share) => `${Math.round(100 * share)} %`, yName: "clients that are back, by their time to reconnect" },
      xName: "time (s)",
    });
    for (const { look, simulated, real } of herds()) {
      drawCurve(pen, panel, look, outline(simulated, x, attempts), 1.6);
      drawCurve(pen, panel, look, steps(simulated, x, shares, lower), 1.8);
      if (real) drawReal(pen, look, real, x, attempts, shares);
    }
    if (capacity) drawCapacity(pen, attempts.at(capacity), upper);
  };

  const shadeDown = (pen, x, upper, lower) => {
    pen.fillStyle = pen.shade;
    for (const box of [upper, lower]) pen.fillRect(box.left, box.top, x.at(scene.downtime_s) - box.left, box.bottom - box.top);
  };

  const drawCapacity = (pen, at, box) => {
    const { color, dark, dash } = scene.capacity_look;
    drawCurve(pen, panel, { color, dark, dash }, [[box.left, at], [box.right, at]], 1.4);
  };

  // The attempts as steps. Bins that share a pixel show the fullest of them, so that no peak is lost.
  const outline = ({ from_s, bin_s, attempts }, x, y) => {
    const columns = new Map();
    attempts.forEach((count, bin) => {
      const column = Math.round(x.at(from_s + bin * bin_s));
      columns.set(column, Math.max(count, columns.get(column) ?? 0));
    });
    const points = [];
    for (const [left, count] of columns) points.push([left, points.length ? points.at(-1)[1] : y.at(0)], [left, y.at(count)]);
    const right = x.at(from_s + attempts.length * bin_s);
    return [...points, [right, points.at(-1)?.[1] ?? y.at(0)], [right, y.at(0)]];
  };

  const steps = ({ back }, x, y, box) => {
    const points = [[x.at(0), y.at(0)]];
    for (const [share, time_s] of back) points.push([x.at(time_s), points.at(-1)[1]], [x.at(time_s), y.at(share)]);
    return [...points, [box.right, points.at(-1)[1]]];
  };

  const drawReal = (pen, look, { from_s, bin_s, attempts, back }, x, y, shares) => {
    const color = colorIn(panel, look);
    attempts.forEach((count, bin) => {
      if (count) drawMarker(pen, look.marker, x.at(from_s + (bin + 0.5) * bin_s), y.at(count), 3.2, color);
    });
    const stride = Math.max(1, Math.round(back.length / 25));
    for (const [share, time_s] of back.filter((_, index) => (index + 1) % stride === 0))
      drawMarker(pen, look.marker, x.at(time_s), shares.at(share), 3.6, color);
  };

  const showKeys = newKeys(host, "wslab-inline");
  const { canvas, repaint } = newCanvas(host, paint);
  const keys = () => {
    const entries = herds().map(({ name, look, real }) => ({
      paint: lineKey(panel, look, real && look.marker),
      content: [real ? `${name}; marks: ${real.clients.toLocaleString("en")} real clients` : name],
    }));
    const down = { paint: (pen, width, height) => ((pen.fillStyle = panel.dark ? "#3A3A3A" : "#E3E3E3"), pen.fillRect(0, 0, width, height)), content: ["server down"] };
    const capacity = { paint: lineKey(panel, scene.capacity_look), content: [`capacity: ${roundNumber(scene.capacity_per_s ?? 0)} per s`] };
    return [...entries, ...(scene.capacity_per_s ? [capacity] : []), down];
  };
  const half = ({ back }) => back.find(([share]) => share >= 0.5)?.[1];
  const tell = (kind, curve) => {
    const middle = half(curve) === undefined ? "half never back" : `half back after ${roundNumber(half(curve))} s`;
    return `${kind}, at most ${roundNumber(most(curve.attempts))} attempts in ${curve.bin_s} s, ${middle}`;
  };
  return {
    state: () => ({ herds: herds(), capacity_per_s: scene.capacity_per_s ?? null, downtime_s: scene.downtime_s }),
    draw(newScene) {
      scene = newScene;
      const told = herds().map(({ name, simulated, real }) => `${name}: ${tell("simulated", simulated)}${real ? `; ${tell("real", real)}` : ""}`);
      canvas.setAttribute("aria-label", `Attempts, and clients that are back, over time. ${told.join("; ") || "Nothing was simulated yet"}.`);
      showKeys(herds().length ? keys() : []);
      repaint(TOP + UPPER + BETWEEN + LOWER + BOTTOM);
    },
  };
};
