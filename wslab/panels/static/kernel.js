// The kernel, as a panel in the page talks to it: it may be gone, or busy, or restarted from another page.

const ASK_EVERY_MS = 5000; // while the panel is in sight
const ASK_AFTER_MS = 300; // of something said to the kernel
const ANSWER_WITHIN_MS = 4000;

// To say something to the kernel, unless it is gone, and the panel's servers with it: then there is nobody to be told.
const teller = (model) => (message) => {
  try {
    model.send(message);
  } catch (error) {
    console.warn("wslab: the kernel was not told", message.do, error.message);
  }
};

// Whether the kernel answers. A restart from another page reaches no event here, so it is asked: with every word that
// is said to it, and now and then while the panel is in sight. `onChange` hears of silence, and of its end.
const newListener = (root, tell, signal, onChange) => {
  let waiting = null, silent = false;
  let asking;
  const ask = () => {
    tell({ do: "ask" });
    waiting ??= setTimeout(() => onChange((silent = true)), ANSWER_WITHIN_MS);
  };
  // Not at once: the question would only delay the answer to what was said just now.
  const askSoon = () => {
    clearTimeout(asking);
    asking = setTimeout(ask, ASK_AFTER_MS);
  };
  const hear = () => {
    clearTimeout(waiting);
    waiting = null;
    if (silent) onChange((silent = false));
  };
  const stop = () => {
    clearInterval(regularly);
    clearTimeout(asking);
    clearTimeout(waiting);
  };
  const regularly = setInterval(() => !silent && root.clientWidth && !document.hidden && ask(), ASK_EVERY_MS);
  signal.addEventListener("abort", stop);
  return { askSoon, hear, stop };
};
