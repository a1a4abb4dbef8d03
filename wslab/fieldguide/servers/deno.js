// /// script
// [tool.wslab]
// npm = ["deno"]
// runs = "deno run --allow-net"
// ///
// Deno's own server, which has no option for a limit. Run: PORT 0.
Deno.serve({ hostname: "127.0.0.1", port: Number(Deno.args[0]), onListen: () => {} }, (request) => {
  if (request.headers.get("upgrade") !== "websocket") return new Response("a WebSocket server", { status: 426 });
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.onmessage = ({ data }) => socket.send(data);
  socket.onerror = () => {};
  return response;
});
