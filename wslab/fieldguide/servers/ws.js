// /// script
// [tool.wslab]
// npm = ["ws"]
// limit = "new WebSocketServer({ maxPayload: N })"
// ///
// ws on Node. Run: PORT LIMIT_BYTES (0: its default). It has no handler for SIGTERM, as most programs have none.
"use strict";

const { WebSocketServer } = require(require.resolve("ws", { paths: [process.cwd(), __dirname] }));

const [port, limit] = process.argv.slice(2).map(Number);
const server = new WebSocketServer({ host: "127.0.0.1", port, ...(limit ? { maxPayload: limit } : {}) });
server.on("connection", (socket) => {
  socket.on("error", () => {});
  socket.on("message", (data, binary) => socket.send(data, { binary }));
});
