// /// script
// [tool.wslab]
// product = "socket.io"
// npm = ["socket.io"]
// limit = "new Server({ maxHttpBufferSize: N })"
// path = "/socket.io/?EIO=4&transport=websocket"
// template = '42["echo","{filler}"]'
// greeting = ["< 0{", "> 40", "< 40{"]
// answers = { "2" = "3" }
// ///
// socket.io over WebSocket alone, with a handler that echoes. Run: PORT LIMIT_BYTES (0: its default).
"use strict";

const { Server } = require(require.resolve("socket.io", { paths: [process.cwd(), __dirname] }));

const [port, limit] = process.argv.slice(2).map(Number);
const http = require("http").createServer();
const server = new Server(http, { transports: ["websocket"], ...(limit ? { maxHttpBufferSize: limit } : {}) });
server.on("connection", (socket) => socket.on("echo", (text) => socket.emit("echo", text)));
http.listen(port, "127.0.0.1");
