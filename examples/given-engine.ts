// TO BE TAKEN AWAY once `<rondo-chat>` makes the engine that it lacks: gives every one the same.
import { RemoteEngine } from "rondo";

const engine = new RemoteEngine();

function give() {
  for (const chat of document.querySelectorAll("rondo-chat"))
    chat.engine ??= engine;
}

new MutationObserver(give).observe(document, {
  childList: true,
  subtree: true,
});
give();
