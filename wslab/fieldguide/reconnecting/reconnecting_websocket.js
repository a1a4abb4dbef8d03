// /// script
// [tool.wslab]
// npm = ["reconnecting-websocket", "ws"]
// ///
// reconnecting-websocket with its defaults, on ws. Run: URL.
"use strict";

const find = (name) => require(require.resolve(name, { paths: [process.cwd(), __dirname] }));
const ReconnectingWebSocket = find("reconnecting-websocket");

const socket = new ReconnectingWebSocket(process.argv[2], [], { WebSocket: find("ws").WebSocket });
socket.onerror = () => {};
