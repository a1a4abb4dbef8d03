// /// script
// [tool.wslab]
// npm = ["phoenix", "ws"]
// ///
// Phoenix's socket with its defaults, on ws; it adds /websocket to the URL's path. Run: URL.
"use strict";

const find = (name) => require(require.resolve(name, { paths: [process.cwd(), __dirname] }));
const { Socket } = find("phoenix");

const url = process.argv[2].replace(/\/$/, "");
new Socket(url, { transport: find("ws").WebSocket }).connect();
