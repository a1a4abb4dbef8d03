// /// script
// [tool.wslab]
// npm = ["partysocket", "ws"]
// ///
// partysocket's WebSocket with its defaults, on ws. Run: URL.
"use strict";

const find = (name) => require(require.resolve(name, { paths: [process.cwd(), __dirname] }));
const { default: PartySocket } = find("partysocket/ws");

const socket = new PartySocket(process.argv[2], [], { WebSocket: find("ws").WebSocket });
socket.addEventListener("error", () => {});
