// The drill in numbers: closed with which code, back, still away, attempts and what they met.

VIEWS.counters = (host, panel) => {
  const list = make("dl", { className: "wslab-counts" });
  host.append(list);
  let counts = {};

  const tally = (marks) => {
    const met = {};
    for (const { meaning } of marks) met[meaning] = (met[meaning] ?? 0) + 1;
    return Object.entries(met);
  };

  return {
    state: () => counts,
    draw(_scene, events) {
      const drill = drillOf(events);
      const met = tally(drill.attempts).map(([meaning, count]) => `${count} ${meaning}`);
      counts = {
        ...Object.fromEntries(tally(drill.closures).map(([code, count]) => [`closed with ${code}`, count])),
        back: drill.back,
        "still away": stillAway(drill),
        ...(drill.gaveUp ? { "gave up": drill.gaveUp } : {}),
        attempts: `${drill.attempts.length}${met.length ? ` (${met.join(", ")})` : ""}`,
      };
      const shown = Object.entries(counts).map(([name, count]) =>
        make("div", {}, make("dt", { textContent: name }), make("dd", { textContent: `${count}` })),
      );
      list.replaceChildren(...shown);
    },
  };
};
