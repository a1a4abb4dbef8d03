// Messages at their sizes, one lane an outcome or close code, and the limit as a line: the live form of close_codes.

VIEWS.sizes = (host, panel) => {
  const NAME = "payload (bytes, log scale)";
  const LANE = 34, TOP = 26, BOTTOM = 40, LEFT = 190, RIGHT = 24;
  let scene = {}, sends = [], limit = null;

  const paint = (pen, width, height) => {
    const next = scene.payload_bytes;
    const sizes = [...sends.map((send) => send.payload_bytes), limit, next].filter((size) => size > 0);
    const low = Math.floor(Math.log2(Math.min(...sizes, 1024))), high = Math.ceil(Math.log2(2 * Math.max(...sizes, 1024)));
    const x = (size) => LEFT + ((width - LEFT - RIGHT) * (Math.log2(Math.max(size, 2 ** low)) - low)) / (high - low);
    const bottom = height - BOTTOM;
    pen.textAlign = "center";
    const stride = Math.ceil((high - low) / Math.max(2, (width - LEFT - RIGHT) / 70));
    for (let power = low; power <= high; power += stride) {
      pen.fillStyle = pen.shade;
      pen.fillRect(x(2 ** power), TOP, 1, bottom - TOP);
      pen.fillStyle = pen.quiet;
      pen.fillText(kibi(2 ** power), x(2 ** power), bottom + 12);
    }
    const middle = Math.min(LEFT + (width - LEFT - RIGHT) / 2, width - pen.measureText(NAME).width / 2);
    pen.fillText(NAME, middle, bottom + 29);
    if (limit) drawLine(pen, x(limit), TOP, bottom, `limit ${limit.toLocaleString("en")} B`, width);
    if (next !== undefined) drawNext(pen, x(next), bottom);
    pen.textAlign = "start";
    lanes().forEach((lane, row) => drawLane(pen, lane, TOP + LANE * (row + 0.5), x, width));
    if (!sends.length) {
      pen.fillStyle = pen.quiet;
      pen.fillText("no message was sent yet", 0, TOP + LANE / 2);
    }
  };

  const drawLine = (pen, at, top, bottom, words, width) => {
    pen.fillStyle = pen.ink;
    pen.fillRect(at - 1, top, 2, bottom - top);
    pen.textAlign = at > width - 90 ? "end" : "center";
    pen.fillText(words, at, top - 13);
    pen.textAlign = "center";
  };

  const drawNext = (pen, at, bottom) => {
    pen.strokeStyle = pen.ink;
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.moveTo(at, bottom - 7);
    pen.lineTo(at - 5, bottom);
    pen.lineTo(at + 5, bottom);
    pen.closePath();
    pen.stroke();
  };

  const drawLane = (pen, { meaning, own }, y, x, width) => {
    const look = lookOf(panel, meaning);
    pen.fillStyle = pen.ink;
    const latest = own.at(-1).payload_bytes;
    pen.fillText(look.label, 0, y - 8, LEFT - 12);
    pen.fillStyle = pen.quiet;
    pen.fillText(`n = ${own.length}, last ${latest.toLocaleString("en")} B`, 0, y + 8, LEFT - 12);
    pen.fillStyle = pen.shade;
    pen.fillRect(LEFT, y, width - LEFT - RIGHT, 1);
    for (const { payload_bytes } of own) drawMarker(pen, look.marker, x(payload_bytes), y, 6, look.color);
  };

  const lanes = () => {
    const order = Object.keys(panel.looks);
    const met = [...new Set(sends.map((send) => `${send.meaning}`))];
    met.sort((one, other) => order.indexOf(one) - order.indexOf(other));
    return met.map((meaning) => ({ meaning, own: sends.filter((send) => `${send.meaning}` === meaning) }));
  };

  const { canvas, repaint } = newCanvas(host, paint);
  return {
    state: () => ({ sends, limit }),
    draw(newScene, events) {
      scene = newScene;
      const raised = events.findLast(([kind, , , , , up, to]) => kind === "restart" && up !== null && to !== null);
      limit = raised ? raised[6] : scene.max_message_bytes; // a reload raises it while its run is still under way
      sends = events
        .filter(([kind]) => kind === "send")
        .map(([, at_s, payload_bytes, meaning]) => ({ at_s, payload_bytes, meaning }));
      const told = lanes().map(({ meaning, own }) => `${lookOf(panel, meaning).label}: ${own.length}`);
      canvas.setAttribute("aria-label", `Messages by payload size. ${told.join("; ") || "None was sent yet"}.`);
      repaint(TOP + BOTTOM + LANE * Math.max(2, lanes().length));
    },
  };
};
