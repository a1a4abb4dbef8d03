// Attempts to come back per 100 ms, stacked by what they met, on the time axis of the lanes above.

VIEWS.arrivals = (host, panel) => {
  const BIN_S = 0.1, TOP = 14, BOTTOM = 36;
  let drill = readDrill([]);

  const bins = () => {
    const met = new Map();
    for (const { at, meaning } of drill.attempts) {
      const bin = Math.floor(at / BIN_S + 1e-9);
      if (!met.has(bin)) met.set(bin, new Map());
      met.get(bin).set(meaning, (met.get(bin).get(meaning) ?? 0) + 1);
    }
    return met;
  };
  const total = (counts) => [...counts.values()].reduce((sum, count) => sum + count, 0);
  const peak = () => Math.max(0, ...[...bins().values()].map(total));

  const paint = (pen, width, height) => {
    const axis = timeAxis(panel, drill, width);
    const bottom = height - BOTTOM, high = Math.max(1, peak());
    drawDowntimes(pen, axis, drill, TOP, bottom, false);
    drawTimes(pen, axis, TOP, bottom, "time since the run began (s)");
    const tall = (count) => ((bottom - TOP) * count) / high;
    pen.fillStyle = pen.quiet;
    pen.fillRect(DRILL_LEFT, bottom, axis.x(axis.end) - DRILL_LEFT, 1);
    pen.fillText("attempts", 0, TOP + 24);
    pen.fillText("per 100 ms", 0, TOP + 38);
    pen.textAlign = "end";
    pen.fillText(`${high}`, DRILL_LEFT - 5, TOP + 2);
    pen.fillText("0", DRILL_LEFT - 5, bottom);
    pen.textAlign = "start";
    drawBars(pen, axis, bottom, tall);
    drawNow(pen, axis, TOP, bottom);
  };

  const drawBars = (pen, axis, bottom, tall) => {
    const fills = Object.fromEntries(
      [...new Set(drill.attempts.map(({ meaning }) => meaning))].map((meaning) => [meaning, hatched(pen, lookOf(panel, meaning))]),
    );
    for (const [bin, counts] of bins()) {
      const x = axis.x(bin * BIN_S), wide = Math.max(1, axis.x((bin + 1) * BIN_S) - x - 0.5);
      let y = bottom;
      for (const meaning of Object.keys(panel.looks).filter((known) => counts.has(known))) {
        pen.fillStyle = fills[meaning];
        pen.fillRect(x, y - tall(counts.get(meaning)), wide, tall(counts.get(meaning)));
        y -= tall(counts.get(meaning));
      }
    }
  };

  const { canvas, repaint } = newCanvas(host, paint);
  return {
    moves: true,
    state: () => ({ bins: [...bins()].map(([bin, counts]) => [bin * BIN_S, Object.fromEntries(counts)]), peak: peak() }),
    draw(_scene, events) {
      drill = drillOf(events);
      const words = `Attempts to come back: ${drill.attempts.length}, at most ${peak()} in 100 ms.`;
      canvas.setAttribute("aria-label", words);
      repaint(host.clientHeight);
    },
  };
};
