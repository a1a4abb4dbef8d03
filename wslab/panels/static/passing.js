// What passes a relay: where to connect, the faults that are on, each with a button that removes it, and the latest rows.

VIEWS.passing = (host, panel) => {
  const COLUMNS = ["time (s)", "client", "opcode", "bits", "length", "fate", "payload, or close code and reason"];
  const FATE = 5;
  const url = make("code"), leads = make("span");
  const faults = make("div", { className: "wslab-steps wslab-faults", role: "group", "aria-label": "Faults that are on" });
  const list = make("div", { className: "wslab-passing-rows" });
  host.append(make("p", { className: "wslab-relay-way" }, "Connect to ", url, leads), faults, list);
  let rows = [], on = [];

  const newFault = ({ label, words }) =>
    make("button", {
      type: "button",
      textContent: `${words} ✕`,
      title: "remove this fault",
      "aria-label": `Remove ${label}`,
      onclick: () => panel.tell({ do: "lift", label }),
    });

  const showRows = () => {
    const old = list.firstChild;
    const [top, follows] = old ? [old.scrollTop, old.scrollHeight - old.scrollTop - old.clientHeight < 30] : [0, true];
    const table = newTable({ caption: "What passed, the latest last", columns: COLUMNS, rows, more: 0 });
    table.querySelectorAll("tbody tr").forEach((row, index) => {
      if (rows[index][FATE]) row.dataset.fate = rows[index][FATE];
      if (rows[index][2]) return;
      while (row.children.length > 3) row.children[2].remove(); // no frame: its words have the room
      row.lastChild.colSpan = COLUMNS.length - 2;
    });
    const hadFocus = old === document.activeElement;
    list.replaceChildren(table);
    if (hadFocus) table.focus({ preventScroll: true });
    table.scrollTop = follows ? table.scrollHeight : top;
  };

  let drawn;
  return {
    state: () => ({ rows, faults: on, url: url.textContent }),
    draw(scene, events) {
      const { url: where = "…", target = "" } = scene.relay ?? {};
      url.textContent = where;
      leads.textContent = target && ` instead of ${target}`;
      if (JSON.stringify(on) !== JSON.stringify(scene.faults ?? [])) faults.replaceChildren(...(on = scene.faults ?? []).map(newFault));
      faults.hidden = !on.length;
      if (drawn === events) return; // a reader's selection stays
      drawn = events;
      rows = events.filter(([kind]) => kind === "passing").map(([, time, client, arrow, ...cells]) => [time, `${client} ${arrow}`, ...cells]);
      showRows();
    },
  };
};
