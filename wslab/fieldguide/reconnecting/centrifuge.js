// /// script
// [tool.wslab]
// npm = ["centrifuge", "ws"]
// ///
// centrifuge-js with its defaults, on ws. It waits for an answer in its own protocol, which a check does not give. Run: URL.
"use strict";

const find = (name) => require(require.resolve(name, { paths: [process.cwd(), __dirname] }));
const { Centrifuge } = find("centrifuge");

new Centrifuge(process.argv[2], { websocket: find("ws").WebSocket }).connect();
