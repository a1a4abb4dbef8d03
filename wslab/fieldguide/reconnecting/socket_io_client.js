// /// script
// [tool.wslab]
// npm = ["socket.io-client"]
// ///
// socket.io-client over WebSocket alone, else with its defaults. It waits for a greeting of its own protocol. Run: URL.
"use strict";

const { io } = require(require.resolve("socket.io-client", { paths: [process.cwd(), __dirname] }));

io(process.argv[2], { transports: ["websocket"] });
