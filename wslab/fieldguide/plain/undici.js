// /// script
// [tool.wslab]
// npm = ["undici"]
// ///
// undici's WebSocket, which Node 22 and later have built in. Run: URL PAYLOAD_BYTES (0: send nothing).
"use strict";

const { WebSocket } = require(require.resolve("undici", { paths: [process.cwd(), __dirname] }));

const [url, payloadBytes] = process.argv.slice(2);
const told = { close_code: null, close_reason: null, error: null };
const websocket = new WebSocket(url);
websocket.addEventListener("open", () => {
  if (Number(payloadBytes)) websocket.send(new Uint8Array(Number(payloadBytes)));
});
websocket.addEventListener("error", (event) => (told.error = event.message || "an error event"));
websocket.addEventListener("close", (event) => {
  console.log(JSON.stringify({ ...told, close_code: event.code, close_reason: event.reason }));
});
