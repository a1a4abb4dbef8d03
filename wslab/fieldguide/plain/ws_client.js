// /// script
// [tool.wslab]
// npm = ["ws"]
// ///
// ws as a client on Node. Run: URL PAYLOAD_BYTES (0: send nothing).
"use strict";

const WebSocket = require(require.resolve("ws", { paths: [process.cwd(), __dirname] }));

const [url, payloadBytes] = process.argv.slice(2);
const told = { close_code: null, close_reason: null, error: null };
const websocket = new WebSocket(url);
websocket.on("open", () => {
  if (Number(payloadBytes)) websocket.send(Buffer.alloc(Number(payloadBytes)));
});
websocket.on("error", (failure) => (told.error = failure.message));
websocket.on("close", (code, reason) => {
  console.log(JSON.stringify({ ...told, close_code: code, close_reason: reason.toString() }));
});
