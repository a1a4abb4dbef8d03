// /// script
// [tool.wslab]
// npm = ["graphql-ws", "graphql", "ws"]
// ///
// graphql-ws that connects at once and retries without end, else with its defaults, on ws. Run: URL.
"use strict";

const find = (name) => require(require.resolve(name, { paths: [process.cwd(), __dirname] }));
const { createClient } = find("graphql-ws");

const webSocketImpl = find("ws").WebSocket;
createClient({ url: process.argv[2], webSocketImpl, lazy: false, retryAttempts: Infinity, onNonLazyError: () => {} });
