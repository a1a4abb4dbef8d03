// What policies draw: the delay before each attempt, a mark each, and a line through the medians of each policy.

VIEWS.delays = (host, panel) => {
  const HEIGHT = 310, TOP = 26, BOTTOM = 40, LEFT = 56, RIGHT = 6;
  let scene = {};

  const paint = (pen, width, height) => {
    const delays = scene.delays ?? [];
    const longest = Math.max(...delays.flatMap(({ draws }) => draws.flat()), 0.1);
    const box = { left: LEFT, right: width - RIGHT, top: TOP, bottom: height - BOTTOM };
    const slot = (box.right - box.left) / scene.attempts;
    const x = { at: (number) => box.left + slot * (number - 0.5), ticks: [...Array(scene.attempts).keys()].map((n) => n + 1) };
    const y = linearAxis(0, 1.04 * longest, box.bottom, box.top, 6);
    pen.fillStyle = pen.shade;
    pen.globalAlpha = 0.35;
    for (const number of x.ticks.filter((tick) => tick % 2)) pen.fillRect(x.at(number) - slot / 2, box.top, slot, box.bottom - box.top);
    pen.globalAlpha = 1;
    drawAxes(pen, box, { x, y, xName: "attempt of an outage", yName: "delay before the attempt (s)" });
    delays.forEach((policy, row) => drawPolicy(pen, policy, row - (delays.length - 1) / 2, (0.86 * slot) / delays.length, x, y));
  };

  const drawPolicy = (pen, { look, draws, medians }, place, room, x, y) => {
    const middle = (index) => x.at(index + 1) + place * room;
    pen.fillStyle = colorIn(panel, look);
    pen.globalAlpha = 0.45;
    draws.forEach((own, index) => own.forEach((delay_s) => pen.fillRect(middle(index) - 0.42 * room, y.at(delay_s) - 0.75, 0.84 * room, 1.5)));
    pen.globalAlpha = 1;
    const points = medians.map((delay_s, index) => [middle(index), y.at(delay_s)]);
    drawCurve(pen, panel, look, points);
    for (const [left, top] of points) drawMarker(pen, look.marker, left, top, 5, colorIn(panel, look));
  };

  const { canvas, repaint } = newCanvas(host, paint);
  const showKeys = newKeys(host, "wslab-formulas");
  const key = ({ name, look, formula, source }) => {
    const link = source ? [make("a", { href: source.url, target: "_blank", rel: "noopener", textContent: source.label })] : [];
    return { paint: lineKey(panel, look, look.marker), content: [make("strong", { textContent: name }), ` ${formula} — `, ...link] };
  };
  return {
    state: () => (scene.delays ?? []).map(({ name, draws, medians }) => ({ name, draws, medians })),
    draw(newScene) {
      scene = newScene;
      const told = scene.delays.map(({ name, medians }) => `${name}: ${medians.map(roundNumber).join(", ")}`);
      canvas.setAttribute("aria-label", `Delay before each attempt, medians in seconds. ${told.join("; ") || "No policy is chosen"}.`);
      repaint(HEIGHT);
      showKeys(scene.delays.map(key));
    },
  };
};
