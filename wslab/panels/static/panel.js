// One panel in the page: its controls and buttons on the left, its views on the right, its words below.
// Model: about, values, busy, status, finding, code, scene, events, tables, saved (see panel.py). Messages: {do: …} to the kernel,
// {events, anew}, {download, view} and {here: true} from it.

const DEAD = "The kernel that this panel talks to is gone. To revive it, run its cell again.";
const SILENT = "The kernel does not answer: it is busy, or was restarted elsewhere. If it was, restart it here and run the cell again.";

const newActions = (about, press, stop) => {
  const buttons = about.actions.map((action) =>
    make("button", {
      type: "button",
      textContent: action.label,
      title: action.hint,
      className: action.main ? "wslab-main" : "",
      onclick: () => press(action),
    }),
  );
  const halt = make("button", { type: "button", textContent: "Stop", className: "wslab-stop", onclick: stop });
  const shown = about.keeps ? [...buttons, halt] : buttons;
  return { buttons, halt, element: make("div", { className: "wslab-actions", role: "group", "aria-label": "Actions" }, ...shown) };
};

const newCode = () => {
  const text = make("code");
  const copied = make("span", { role: "status" });
  const copy = make("button", {
    type: "button",
    textContent: "Copy the code",
    onclick: async () => {
      try {
        await navigator.clipboard.writeText(text.textContent);
        copied.textContent = "copied";
      } catch {
        getSelection().selectAllChildren(text); // no clipboard without HTTPS or permission
        copied.textContent = "selected: press Ctrl+C";
      }
    },
  });
  const lines = make("pre", { tabIndex: 0, "aria-label": "The same in code" }, text);
  const element = make("details", {}, make("summary", { textContent: "The same in code" }), lines, copy, " ", copied);
  return { element, show: (code) => (text.textContent = code) };
};

// What follows from the last run, with why, what else it could be and what to do folded away below.
const newFinding = () => {
  const what = make("summary"), rows = make("dl");
  const element = make("details", { className: "wslab-finding" }, what, rows);
  const show = ({ what: words, rows: told = [] }) => {
    element.hidden = !words;
    what.textContent = words ?? "";
    rows.replaceChildren(...told.flatMap(([name, text]) => [make("dt", { textContent: name }), make("dd", { textContent: text })]));
  };
  return { element, show };
};

// Those that few people need are folded away.
const newControls = (controls) => {
  const elements = (more) => controls.filter(({ told }) => Boolean(told.more) === more).map(({ element }) => element);
  const box = make("div", { className: "wslab-controls" }, ...elements(false));
  const rest = elements(true);
  if (rest.length) box.append(make("details", { className: "wslab-folded" }, make("summary", { textContent: "More" }), ...rest));
  return box;
};

const newViews = (names, panel) =>
  names.map((name) => {
    const host = make("div", { className: `wslab-view wslab-${name}` });
    const view = VIEWS[name](host, panel);
    host.state = view.state; // what is drawn, for tests
    return { host, view };
  });

const offerFile = (name, content) => {
  const link = make("a", { href: URL.createObjectURL(new Blob([content])), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000); // by then the browser has taken it
};

const render = ({ model, el, signal }) => {
  const about = model.get("about");
  const send = teller(model);
  const root = make("section", { className: "wslab-panel", "aria-label": about.title });
  const listener = newListener(root, send, signal, (silent) => (silent ? disable(SILENT) : enable()));
  const tell = (message) => {
    send(message);
    listener.askSoon();
  };
  const asked = new Map(); // by name, what the kernel was told of a control and has not yet said again
  const panel = {
    looks: about.looks,
    dark: false,
    values: () => model.get("values"),
    turn(name, value) {
      if (model.get("values")[name] === value && !asked.has(name)) return; // nothing would be said of it
      asked.set(name, value);
      show.values(); // and with it the controls that belong to this value
      tell({ do: "turn", values: { [name]: value } });
    },
    model,
    tell,
    signal,
  };
  const controls = about.controls.map((told) => ({ told, ...newControl(told, panel) }));
  const press = ({ name, ignores }) => {
    const isWrong = ({ told, element, objection }) => !element.hidden && !ignores.includes(told.name) && objection();
    const wrong = controls.find(isWrong);
    if (wrong) return say({ words: `${wrong.told.label} ${wrong.objection()}; nothing was done`, kind: "failed" });
    const typed = controls.filter(({ objection }) => !objection()).map(({ told, pending }) => [told.name, pending()]);
    tell({ do: "press", action: name, values: Object.fromEntries(typed) });
  };
  const actions = newActions(about, press, () => tell({ do: "stop" }));
  const code = newCode();
  const found = newFinding();
  const view = Math.random().toString(36); // a model has one for each page that shows it
  const status = make("p", { className: "wslab-status", role: "status" });
  const say = ({ words, kind }) => {
    if (kind === "failed") asked.clear(); // a turn that was refused is never said again
    status.textContent = words;
    status.dataset.kind = kind;
  };
  const views = newViews(about.views, panel);
  const [tables, folded] = [make("div"), make("div")];
  const save = make("button", { type: "button", textContent: "Save run", onclick: () => tell({ do: "save" }) });
  const download = make("button", { type: "button", textContent: "Download", onclick: () => tell({ do: "download", view }) });
  const clear = make("button", { type: "button", textContent: "Clear", onclick: () => tell({ do: "clear" }) });
  const shown = make("details", {}, make("summary", { textContent: "Show as table" }), folded);
  root.append(
    make("h3", { textContent: about.title }),
    newControls(controls),
    make("div", { className: "wslab-stage" }, actions.element, status, found.element, ...views.map(({ host }) => host), tables),
    make("div", { className: "wslab-more" }, shown, code.element, about.keeps ? make("div", { className: "wslab-steps" }, save, download, clear) : ""),
  );
  el.classList.add("wslab-host");
  el.append(root);

  let events = [...model.get("events")];
  let painted = false;
  let fresh = false; // drawn in this frame of the screen
  let looks = 0; // in vain, at a panel without a width
  const draw = () => {
    if (!root.clientWidth) return hidden();
    looks = 0;
    panel.dark = isDark(root);
    for (const { view } of views) view.draw(model.get("scene"), events);
    if (model.get("busy") && views.some(({ view }) => view.moves)) setTimeout(paint, 50); // time goes on, told or not
  };
  const paint = () => {
    if (painted) return;
    painted = true;
    requestAnimationFrame(() => {
      painted = false;
      draw();
    });
  };
  // What was observed is drawn for the next frame, and not in the one after: somebody waits for the mark.
  const paintAtOnce = () => {
    if (fresh) return paint();
    fresh = true;
    requestAnimationFrame(() => (fresh = false));
    draw();
  };
  // A theme that is loading hides the page for a moment, without a change of size that would be told afterwards.
  const hidden = () => (looks = Math.min(looks + 1, 20)) < 20 && setTimeout(paint, 100);
  // A panel may also be at work without a button pressed, to follow a knob.
  const offerStop = () => (actions.halt.disabled = model.get("busy") === "" && model.get("status").kind !== "busy");
  const show = {
    // An answer to an earlier turn must not turn back what was turned since.
    values: () => {
      const values = model.get("values");
      for (const [name, value] of asked) if (JSON.stringify(values[name]) === JSON.stringify(value)) asked.delete(name);
      const turned = { ...values, ...Object.fromEntries(asked) };
      for (const { told, element, show } of controls) {
        show(turned);
        element.hidden = Boolean(told.when) && turned[told.when[0]] !== told.when[1];
      }
    },
    busy: () => {
      const busy = model.get("busy");
      actions.buttons.forEach((button, index) => (button.disabled = busy !== "" && !about.actions[index].at_once));
      offerStop();
      clear.disabled = busy !== "";
      root.setAttribute("aria-busy", busy !== "");
      paint();
    },
    status: () => {
      say(model.get("status"));
      offerStop();
    },
    code: () => code.show(model.get("code")),
    tables: () => {
      const of = (fold) => model.get("tables").filter(({ folded }) => folded === fold).map(newTable);
      tables.replaceChildren(...of(false));
      folded.replaceChildren(...of(true));
    },
    saved: () => (download.hidden = !model.get("saved")),
    finding: () => found.show(model.get("finding")),
    scene: paint,
  };
  for (const [name, follow] of Object.entries(show)) {
    model.on(`change:${name}`, follow);
    follow();
  }
  model.on("msg:custom", (message, buffers) => {
    listener.hear();
    if (message.download && message.view === view) offerFile(message.download, buffers[0]);
    if (!message.events) return;
    events = message.anew ? [...message.events] : [...events, ...message.events];
    paintAtOnce();
  });
  // A panel that nobody answers takes no clicks; the figure that stays of it shows below.
  const disable = (words) => {
    root.dataset.dead = "true";
    say({ words, kind: "failed" });
    root.querySelectorAll("button, input, select").forEach((part) => (part.disabled = true));
  };
  const enable = () => {
    delete root.dataset.dead;
    root.querySelectorAll("button, input, select").forEach((part) => (part.disabled = false));
    Object.values(show).forEach((follow) => follow());
  };
  // Told when the kernel restarts or dies: the model's comm is then closed for good, and nothing would answer.
  const bury = () => {
    listener.stop();
    disable(DEAD);
  };
  model.on("comm_live_update", bury);

  const watch = new ResizeObserver(paint);
  watch.observe(root);
  const themed = new MutationObserver(paint);
  themed.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
  tell({ do: "show", visible: true });
  return () => {
    watch.disconnect();
    themed.disconnect();
    tell({ do: "show", visible: false });
  };
};

export default { render };
