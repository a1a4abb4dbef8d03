// /// script
// [tool.wslab]
// product = "socket.io"
// npm = ["engine.io"]
// limit = "new Server({ maxHttpBufferSize: N })"
// path = "/engine.io/?EIO=4&transport=websocket"
// template = "4{filler}"
// answers = { "2" = "3" }
// ///
// engine.io, which socket.io is built on, over WebSocket alone. Run: PORT LIMIT_BYTES (0: its default).
"use strict";

const { Server } = require(require.resolve("engine.io", { paths: [process.cwd(), __dirname] }));

const [port, limit] = process.argv.slice(2).map(Number);
const http = require("http").createServer();
const server = new Server({ transports: ["websocket"], ...(limit ? { maxHttpBufferSize: limit } : {}) });
server.attach(http);
server.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
http.listen(port, "127.0.0.1");
