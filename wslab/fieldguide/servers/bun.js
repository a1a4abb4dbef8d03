// /// script
// [tool.wslab]
// npm = ["bun"]
// runs = "bun"
// limit = "Bun.serve({ websocket: { maxPayloadLength: N } })"
// ///
// Bun's own server. Run: PORT LIMIT_BYTES (0: its default).
const [port, limit] = process.argv.slice(2).map(Number);
Bun.serve({
  hostname: "127.0.0.1",
  port,
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("a WebSocket server", { status: 426 })),
  websocket: {
    message: (socket, data) => void socket.send(data),
    ...(limit ? { maxPayloadLength: limit } : {}),
  },
});
