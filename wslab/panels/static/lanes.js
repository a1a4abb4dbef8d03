// One lane per client, drawn as it happens: connected, closed by which code, waiting for how long, each attempt, back.

VIEWS.lanes = (host, panel) => {
  const HEAD = 17, TITLES = 15, LEGIBLE = 10;
  let drill = readDrill([]);

  const paint = (pen, width, height) => {
    const axis = timeAxis(panel, drill, width);
    const labelled = !panel.model.get("about").views.includes("arrivals"); // else the axis is below those
    const top = drawLegend(pen, width), bottom = height - (labelled ? 36 : 4);
    drawDowntimes(pen, axis, drill, top, bottom, true);
    drawTimes(pen, axis, top, bottom, labelled && "time since the run began (s)");
    const lanes = [...drill.clients].sort(([one], [other]) => one - other);
    const pitch = (bottom - top - TITLES) / Math.max(lanes.length, 1);
    pen.fillStyle = pen.quiet;
    if (pitch < LEGIBLE && lanes.length) pen.fillText(`${lanes.length} clients`, 0, top + TITLES + 6, DRILL_LEFT - 8);
    if (!lanes.length) pen.fillText("no client is connected yet", DRILL_LEFT + 8, top + TITLES + 12);
    lanes.forEach(([number, client], lane) => {
      const y = top + TITLES + pitch * (lane + 0.5);
      pen.fillStyle = pen.quiet;
      if (pitch >= LEGIBLE) pen.fillText(`client ${number}`, 0, y, DRILL_LEFT - 8);
      drawClient(pen, axis, client, y, pitch);
    });
    drawNow(pen, axis, top, bottom);
  };

  const drawClient = (pen, axis, client, y, pitch) => {
    const thick = Math.min(6, Math.max(1, 0.5 * pitch));
    pen.fillStyle = lookOf(panel, "opened").color;
    pen.globalAlpha = 0.45;
    for (const { from, to } of client.connections) {
      const end = axis.x(to ?? axis.now);
      pen.fillRect(axis.x(from), y - thick / 2, end - axis.x(from), thick);
    }
    pen.globalAlpha = 1;
    pen.fillStyle = pen.quiet;
    const thin = Math.min(1, 0.3 * pitch);
    for (const { from, to } of client.waits) pen.fillRect(axis.x(from), y - thin / 2, axis.x(to ?? axis.now) - axis.x(from), thin);
    for (const { from, to } of client.tries) pen.fillRect(axis.x(from), y - 2 * thin, axis.x(to) - axis.x(from), 4 * thin);
    if (client.phase === "waiting" && axis.moving) drawDue(pen, axis, client, y, pitch);
    if (client.phase === "away" && pitch >= LEGIBLE) pen.fillText("gave up", axis.x(client.since) + 9, y);
    const radius = Math.min(6, Math.max(1.5, 0.42 * pitch));
    for (const { at, meaning } of client.marks) {
      const look = lookOf(panel, meaning);
      drawMarker(pen, radius < 2.5 ? "s" : look.marker, axis.x(at), y, radius, look.color);
    }
  };

  // How long a client drew: dots up to when its attempt is due, and the seconds beside it; then its attempt under way.
  const drawDue = (pen, axis, client, y, pitch) => {
    const at = axis.x(client.due), trying = client.due < axis.now;
    if (trying) pen.fillRect(at, y - 2, axis.x(axis.now) - at, Math.min(4, pitch));
    else for (let x = axis.x(axis.now) + 2; x < at; x += 4) pen.fillRect(x, y - 0.5, 1.5, Math.min(1, 0.3 * pitch));
    if (pitch < LEGIBLE || trying) return;
    pen.fillRect(at, y - 4, 1, 8);
    pen.fillStyle = pen.ink;
    pen.textAlign = at > axis.x(axis.end) - 60 ? "end" : "start";
    const words = `${client.delay.toFixed(1)} s${client.due > axis.end ? " →" : ""}`;
    pen.fillText(words, at + (pen.textAlign === "end" ? -5 : 5), y - (pen.textAlign === "end" ? 1 : 0));
    pen.textAlign = "start";
  };

  // What is in the picture, a line or more; returns where the lanes may begin.
  const drawLegend = (pen, width) => {
    const all = [...drill.clients.values()].flatMap(({ marks }) => marks.map(({ meaning }) => `${meaning}`));
    const order = Object.keys(panel.looks);
    const met = [...new Set(all)].sort((one, other) => order.indexOf(one) - order.indexOf(other));
    const bar = (x, y) => {
      pen.fillStyle = lookOf(panel, "opened").color;
      pen.globalAlpha = 0.45;
      pen.fillRect(x - 8, y - 3, 16, 6);
      pen.globalAlpha = 1;
    };
    const line = (x, y) => ((pen.fillStyle = pen.quiet), pen.fillRect(x - 8, y - 0.5, 16, 1));
    const thick = (x, y) => ((pen.fillStyle = pen.quiet), pen.fillRect(x - 8, y - 2, 16, 4));
    const shade = (x, y) => ((pen.fillStyle = pen.shade), pen.fillRect(x - 8, y - 6, 16, 12));
    const marks = met.map((meaning) => {
      const look = lookOf(panel, meaning);
      return [look.label.split(":")[0], (x, y) => drawMarker(pen, look.marker, x, y, 5, look.color)];
    });
    let x = DRILL_LEFT, y = HEAD / 2;
    for (const [label, draw] of [["connected", bar], ["waiting", line], ["trying", thick], ["server down", shade], ...marks]) {
      const wide = 32 + pen.measureText(label).width;
      if (x + wide > width) [x, y] = [DRILL_LEFT, y + HEAD];
      draw(x + 8, y);
      pen.fillStyle = pen.ink;
      pen.fillText(label, x + 20, y);
      x += wide;
    }
    return y + HEAD / 2 + 3;
  };

  const { canvas, repaint } = newCanvas(host, paint);
  const phases = () => {
    const counts = {};
    for (const { phase } of drill.clients.values()) counts[phase] = (counts[phase] ?? 0) + 1;
    return counts;
  };
  return {
    moves: true,
    state: () => ({ clients: Object.fromEntries(drill.clients), phases: phases(), restarts: [...drill.restarts.values()] }),
    draw(_scene, events) {
      drill = drillOf(events);
      const told = Object.entries(phases()).map(([phase, count]) => `${count} ${phase}`);
      canvas.setAttribute("aria-label", `What each client does, a lane each. ${told.join(", ") || "None is connected yet"}.`);
      repaint(host.clientHeight);
    },
  };
};
