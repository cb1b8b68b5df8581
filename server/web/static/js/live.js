// Changes of tasks as they happen, over the WebSocket. Comes back by itself after a break, and asks for what it
// missed.
//   listen({ video: "ID" or undefined, since: SEQ or undefined, changed(task) {}, gap() {}, state(live) {} })
// `changed` gets each task as the API prints it, with `event`; `gap`: changes were missed, read all anew.
const first = 1000;
const longest = 30000;

export function listen({ video, since = null, changed, gap = () => {}, state = () => {} }) {
  let seq = since;
  let wait = first;
  let socket = null;
  let timer = null;

  function open() {
    clearTimeout(timer);
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/ws/tasks`);
    socket.addEventListener("open", () => {
      const ask = { action: "subscribe" };
      if (video) ask.video_id = video;
      if (seq !== null) ask.since = seq;
      socket.send(JSON.stringify(ask));
    });
    socket.addEventListener("message", (message) => told(JSON.parse(message.data)));
    socket.addEventListener("close", (event) => {
      state(false);
      if (event.code === 4401 || event.code === 4403) return; // signed out: trying again cannot help
      timer = setTimeout(open, wait * (0.7 + 0.6 * Math.random()));
      wait = Math.min(longest, wait * 2);
    });
  }

  function told(said) {
    if (said.event === "subscribed") {
      if (seq === null) seq = said.seq;
      wait = first;
      state(true);
    } else if (said.event === "gap") {
      seq = said.seq;
      gap();
    } else if (said.task_id !== undefined) {
      seq = said.seq;
      changed(said);
    }
  }

  // A phone that slept or a laptop that was closed: come back now, not after the longest wait.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && socket.readyState > WebSocket.OPEN) { wait = first; open(); }
  });
  window.addEventListener("pagehide", () => socket.close());
  window.addEventListener("pageshow", (event) => { if (event.persisted) open(); });
  open();
}
