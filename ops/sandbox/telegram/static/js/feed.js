// The line of events: goes on after the last one seen, and waits longer the longer it fails.

const FIRST_MS = 500;
const LONGEST_MS = 15000;

export function follow(after, { onEvent, onLine }) {
  let last = after;
  let wait = FIRST_MS;
  let wasLost = false;

  const connect = () => {
    const source = new EventSource(`/chat/api/events?after=${last}`);
    source.onopen = () => {
      wait = FIRST_MS;
      onLine(true, wasLost);
      wasLost = false;
    };
    source.onmessage = (message) => {
      last = Number(message.lastEventId) || last;
      onEvent(JSON.parse(message.data));
    };
    source.onerror = () => {
      source.close();
      wasLost = true;
      onLine(false, true);
      setTimeout(connect, wait * (0.75 + Math.random() / 2));
      wait = Math.min(wait * 2, LONGEST_MS);
    };
  };
  connect();
}
