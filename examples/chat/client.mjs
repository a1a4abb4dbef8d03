// A client of the chat that comes back. Usage: node --experimental-websocket client.mjs URL [MESSAGE ...]
//
// It waits a random time under a ceiling that doubles, starts with the first delay again only after a connection that
// lasted, stays away where coming back cannot help, and never sends again what was too big.

const FIRST_MS = 250, LONGEST_MS = 30_000, LASTED_MS = 5_000;
const isFinal = (code) => code === 1000 || code === 1008 || code >= 4000;

class Chat {
  #url; #outbox = []; #inFlight = null; #failures = 0;

  constructor(url) {
    this.#url = url;
    this.#connect();
  }

  say(text) {
    this.#outbox.push(text);
    this.#flush();
  }

  #connect() {
    const socket = (this.socket = new WebSocket(this.#url));
    let openedAt = null;
    socket.onopen = () => {
      openedAt = performance.now();
      this.#flush();
    };
    socket.onmessage = ({ data }) => {
      if (data === this.#inFlight) this.#inFlight = null; // the server says everything to everybody, so to us too
      console.log(data);
      this.#flush();
    };
    socket.onclose = ({ code }) => this.#ended(socket, code, openedAt);
    // Node 20 fires no close event where a connection could not be opened.
    socket.onerror = () => openedAt ?? this.#ended(socket, 1006, null);
  }

  #ended(socket, code, openedAt) {
    if (socket !== this.socket) return; // told twice, by an error and by its close event
    this.socket = null;
    if (this.#inFlight !== null && code !== 1009) this.#outbox.unshift(this.#inFlight); // 1009 would come every time
    this.#inFlight = null;
    if (isFinal(code)) return;
    if (openedAt !== null && performance.now() - openedAt > LASTED_MS) this.#failures = 0;
    const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#failures++);
    setTimeout(() => this.#connect(), Math.random() * ceiling);
  }

  #flush() {
    if (this.#inFlight !== null || this.socket?.readyState !== WebSocket.OPEN || this.#outbox.length === 0) return;
    this.#inFlight = this.#outbox.shift();
    this.socket.send(this.#inFlight);
  }
}

const [url, ...messages] = process.argv.slice(2);
const chat = new Chat(url);
for (const message of messages) chat.say(message);
