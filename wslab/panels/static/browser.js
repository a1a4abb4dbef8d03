// The page's own WebSocket: opened, used and closed on the kernel's orders, and every event of it told and listed.

VIEWS.browser = (host, panel) => {
  const name = crypto.randomUUID?.() ?? `${Math.random()}`; // there is none on a plain http page of another machine
  const sockets = new Map();
  const send = (message) => panel.tell({ ...message, page: name });

  const connect = (number, url) => {
    const began = performance.now();
    const tell = (event, more = {}) =>
      send({ do: "told", socket: number, event: { event, elapsed_s: (performance.now() - began) / 1000, ...more } });
    // Calls a method, and tells what it throws: to the page's program this is all that there is to see.
    const trying = (call, act) => {
      try {
        act();
      } catch (error) {
        tell("thrown", { call, words: `${error.name}: ${error.message}` });
      }
    };
    const follow = (socket) => {
      socket.onopen = () => tell("open");
      socket.onmessage = ({ data }) => tell("message", { message_bytes: new TextEncoder().encode(data).length });
      socket.onerror = () => tell("error");
      socket.onclose = ({ code, reason, wasClean }) => {
        tell("close", { close_code: code, close_reason: reason, clean: wasClean });
        sockets.delete(number);
      };
      return socket;
    };
    trying("new WebSocket()", () => sockets.set(number, { socket: follow(new WebSocket(url)), trying }));
  };

  const obey = ({ page, socket: number, order, url, payload_bytes, close_code }) => {
    if (page !== name) return;
    if (order === "connect") return connect(number, url);
    const { socket, trying } = sockets.get(number) ?? {};
    if (order === "send") trying?.("send()", () => socket.send("x".repeat(payload_bytes)));
    if (order === "close" && close_code === null) socket?.close();
    else if (order === "close") trying?.(`close(${close_code})`, () => socket.close(close_code));
  };

  const says = ({ event, call, message_bytes, close_code, close_reason, clean, words }) => {
    const label = panel.looks[close_code]?.label ?? close_code;
    return {
      open: "connected",
      message: `${message_bytes?.toLocaleString("en")} B`,
      error: "no reason: an error event carries none",
      close: `code ${label}; reason “${close_reason}”; wasClean ${clean}`,
      thrown: `${call} threw ${words}`,
      silence: "nothing within the time",
    }[event];
  };

  const way = make("p", { className: "wslab-way" });
  const list = make("div", { role: "log" });
  host.append(way, list);
  let told = [];

  panel.model.on("msg:custom", obey);
  panel.signal.addEventListener("abort", () => {
    send({ do: "leave" });
    for (const { socket } of sockets.values()) socket.close();
  });
  send({
    do: "arrive",
    user_agent: navigator.userAgent,
    page_url: location.origin,
    base_url: JSON.parse(document.getElementById("jupyter-config-data")?.textContent ?? "{}").baseUrl ?? "/",
  });
  return {
    state: () => ({ told, way: way.textContent }),
    draw(scene, events) {
      told = events.filter(([kind, event]) => kind === "notice" && event.subject === "browser").map(([, event]) => event);
      way.textContent = scene.way?.words ?? "looking for a way to the server …";
      way.dataset.outcome = scene.way?.outcome ?? "";
      const rows = told.map((one) => [`${(1000 * one.elapsed_s).toFixed(1)} ms`, one.event, says(one)]);
      const caption = "The page's WebSocket: its events, in their order";
      list.replaceChildren(newTable({ caption, columns: ["after", "event", "what the page can read of it"], rows, more: 0 }));
    },
  };
};
