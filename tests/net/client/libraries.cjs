// What a library waits before each attempt to reconnect, as JSON on stdout. Timers run SPEED times faster than they are
// asked for, chance is a number that was given, and nothing else of the library is touched.
//
//   node libraries.cjs <folder with node_modules> <library> <port> <chance> <attempts>
const { createRequire } = require("module");
const [, , folder, library, port, chance, attempts] = process.argv;
const load = createRequire(folder + "/");
const SPEED = 20;

let waited = 0; // of the timer that fired last; an attempt without one is made at once
const setTimer = globalThis.setTimeout;
globalThis.setTimeout = (callback, ms = 0, ...more) =>
  setTimer(() => ((waited = ms), callback(...more)), ms / SPEED);
Math.random = () => Number(chance);

const waits = [];
let first = true;
function attempt() {
  if (!first) waits.push(waited / 1000);
  first = false;
  if (waits.length >= Number(attempts)) {
    console.log(JSON.stringify(waits));
    process.exit();
  }
}

const { WebSocket } = load("ws");
class Told extends WebSocket {
  constructor(...how) {
    attempt();
    super(...how);
    this.prependListener("close", () => (waited = 0));
    this.prependListener("error", () => (waited = 0));
  }
}

function gaveUp() {
  console.log(JSON.stringify(waits));
  process.exit();
}

const url = `ws://127.0.0.1:${port}/`;
const patient = { WebSocket: Told, connectionTimeout: 1e6 }; // how long an attempt may take is another question
const begin = {
  reconnecting_websocket: () => new (load("reconnecting-websocket"))(url, [], patient),
  partysocket: () => new (load("partysocket/ws").default)(url, [], patient),
  phoenix_js: () => new (load("phoenix").Socket)(url, { transport: Told }).connect(),
  centrifuge_js: () => new (load("centrifuge").Centrifuge)(url, { websocket: Told }).connect(),
  graphql_ws: () =>
    load("graphql-ws").createClient({ url, webSocketImpl: Told, lazy: false, onNonLazyError: gaveUp }),
  socket_io: () => {
    first = false; // its first connection is not told
    const manager = new (load("socket.io-client").Manager)(`http://127.0.0.1:${port}/`, { transports: ["websocket"] });
    manager.on("reconnect_attempt", attempt);
    manager.open();
  },
};
begin[library]();
