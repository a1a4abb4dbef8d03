// node's ws: the "close" event carries the code, 1006 where sending failed before the close frame was read.
// The orders and answers are those of orders.py.
"use strict";

const WebSocket = require(require.resolve("ws", { paths: [process.cwd(), __dirname] }));
const orders = require("readline").createInterface({ input: process.stdin });
let payload = Buffer.alloc(0);

function answer(found) {
  process.stdout.write(JSON.stringify(found) + "\n");
}

orders.on("line", (line) => {
  const order = JSON.parse(line);
  if (payload.length !== order.payload_bytes) payload = Buffer.alloc(order.payload_bytes, "x");
  const websocket = new WebSocket(order.url, { perMessageDeflate: false });
  let error = null;
  websocket.on("open", () => websocket.send(payload, () => {})); // a failed send is told by "error" and "close" too
  websocket.on("message", () => {
    websocket.removeAllListeners("close");
    websocket.terminate();
    answer({ close_code: null }); // not closed at all
  });
  websocket.on("error", (failure) => (error = `${failure.name}: ${failure.message}`));
  websocket.on("close", (code, reason) => answer({ close_code: code, close_reason: reason.toString(), error }));
});
orders.on("close", () => process.exit(0));
