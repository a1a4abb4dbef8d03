// A drill as its events tell it: what each client does when, the server's downtimes, and the one clock of all views.

const readDrills = new WeakMap(); // events -> the last drill in them, read once for all views

const drillOf = (events) => {
  if (!readDrills.has(events)) readDrills.set(events, readDrill(events));
  return readDrills.get(events);
};

// Client: its phase since when; spans {from, to} of connections, waits and tries; marks {at, meaning} of closures and tries.
const newClient = () => ({ phase: "connecting", since: 0, due: 0, delay: 0, connections: [], waits: [], tries: [], marks: [] });

const readDrill = (events) => {
  const begun = events.findLastIndex(([kind]) => kind === "drill");
  const drill = { job: events[begun]?.[1], clients: new Map(), restarts: new Map(), attempts: [], closures: [], latest: 0 };
  Object.assign(drill, { back: 0, gaveUp: 0 });
  const clientOf = (number) => {
    if (!drill.clients.has(number)) drill.clients.set(number, newClient());
    return drill.clients.get(number);
  };
  const to = (client, phase, at) => {
    const last = { connected: client.connections, waiting: client.waits }[client.phase]?.at(-1);
    if (last) last.to = at;
    Object.assign(client, { phase, since: at });
    ({ connected: client.connections, waiting: client.waits })[phase]?.push({ from: at, to: null });
    drill.latest = Math.max(drill.latest, at);
  };
  const hear = {
    attempt(number, outage, _due, started, ended, outcome) {
      const client = clientOf(number);
      if (client.phase === "waiting") to(client, "trying", started);
      if (outage) client.tries.push({ from: started, to: ended });
      to(client, outcome === "opened" ? "connected" : "closed", ended);
      if (outage) drill.attempts.push({ at: started, meaning: outcome });
      if (outage) client.marks.push({ at: ended, meaning: outcome });
    },
    closure(number, at, meaning, by) {
      const client = clientOf(number);
      to(client, by === "client" ? "ended" : "closed", at);
      if (by === "client") return;
      client.marks.push({ at, meaning });
      drill.closures.push({ at, meaning });
    },
    waiting(number, _outage, due, delay) {
      const client = clientOf(number);
      to(client, "waiting", client.since);
      Object.assign(client, { due, delay });
    },
    outage(number, _attempts, reopened, gaveUp) {
      if (reopened !== null) return (drill.back += 1);
      const client = clientOf(number);
      if (client.phase !== "waiting" || gaveUp) to(client, "away", client.since);
      drill.gaveUp += gaveUp ? 1 : 0;
    },
    restart(number, kind, requested, down, up) {
      drill.restarts.set(number, { kind, requested, down, up });
      drill.latest = Math.max(drill.latest, requested, down ?? 0, up ?? 0);
    },
  };
  for (const [kind, ...told] of events.slice(begun + 1)) hear[kind]?.(...told);
  return drill;
};

const AWAY = new Set(["waiting", "away"]);
const stillAway = (drill) => [...drill.clients.values()].filter(({ phase }) => AWAY.has(phase)).length;

const clocks = new WeakMap(); // panel -> the drill's clock in this page, from the events that were on their way shortest

// What time it is in the drill: it goes on while the drill runs, and is the latest event's afterwards.
const nowIn = (panel, drill) => {
  if (panel.model.get("busy") === "" || panel.model.get("busy") !== drill.job) return drill.latest;
  const here = performance.now() / 1000;
  const known = clocks.get(panel);
  const zero = known && known.latest <= drill.latest ? Math.min(known.zero, here - drill.latest) : here - drill.latest;
  clocks.set(panel, { zero, latest: drill.latest });
  return here - zero;
};

const roundUp = (value, mantissas) => {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [...mantissas, 10].find((mantissa) => mantissa * power >= value * 0.9999);
};

const DRILL_LEFT = 78, DRILL_RIGHT = 16;

// The time axis that lanes and arrivals share. While the drill runs it grows by steps, ahead of what is due next.
const timeAxis = (panel, drill, width) => {
  const now = nowIn(panel, drill);
  const moving = now > drill.latest;
  const due = [...drill.clients.values()].filter(({ phase }) => phase === "waiting").map((client) => client.due);
  const ahead = Math.min(Math.max(0, ...due), 1.6 * now);
  const end = moving ? roundUp(Math.max(1, 1.05 * now, 1.05 * ahead), [1, 1.5, 2, 3, 4, 5, 6, 8]) : 1.02 * now || 1;
  const scale = (width - DRILL_LEFT - DRILL_RIGHT) / end;
  return { now, moving, end, x: (at) => DRILL_LEFT + scale * Math.min(at, end), step: roundUp(70 / scale, [1, 2, 5]) };
};

const drawTimes = (pen, axis, top, bottom, label) => {
  pen.textAlign = "center";
  for (let tick = 0; tick * axis.step <= axis.end; tick++) {
    const x = axis.x(tick * axis.step);
    pen.fillStyle = pen.shade;
    pen.fillRect(x, top, 1, bottom - top);
    pen.fillStyle = pen.quiet;
    if (label) pen.fillText(`${Number((tick * axis.step).toPrecision(6))}`, x, bottom + 10);
  }
  if (label) pen.fillText(label, (DRILL_LEFT + axis.x(axis.end)) / 2, bottom + 25);
  pen.textAlign = "start";
};

const drawDowntimes = (pen, axis, drill, top, bottom, named) => {
  const restarts = [...drill.restarts.values()];
  restarts.forEach(({ kind, requested, down, up }, place) => {
    const until = up ?? (axis.moving ? axis.now : axis.end);
    pen.fillStyle = pen.shade;
    if (down !== null) pen.fillRect(axis.x(down), top, Math.max(1, axis.x(until) - axis.x(down)), bottom - top);
    pen.strokeStyle = pen.ink;
    pen.lineWidth = 1;
    pen.setLineDash({ crash: [], reload: [8, 3, 2, 3] }[kind] ?? [5, 3]);
    pen.beginPath();
    pen.moveTo(axis.x(requested), top);
    pen.lineTo(axis.x(requested), bottom);
    pen.stroke();
    pen.setLineDash([]);
    if (!named) return;
    const next = restarts[place + 1];
    const room = (next ? axis.x(next.requested) : axis.x(axis.end) + DRILL_RIGHT) - axis.x(requested) - 6;
    const words = [...(down === null ? [] : [`${kind}: down ${(until - down).toFixed(2)} s`]), kind];
    pen.fillStyle = pen.ink;
    pen.fillText(words.find((one) => pen.measureText(one).width <= room) ?? "", axis.x(requested) + 4, top + 8);
  });
};

const drawNow = (pen, axis, top, bottom) => {
  if (!axis.moving) return;
  pen.fillStyle = pen.quiet;
  pen.fillRect(axis.x(axis.now), top, 1.5, bottom - top);
};
