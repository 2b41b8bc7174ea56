// What this page adds to the two elements: it hears of their replies.
import { RemoteEngine } from "../../dist/lib/rondo.js";

const said = document.getElementById("said");

addEventListener("rondo-round", ({ target, round }) => {
  said.textContent = `${target.id}: ${round.reply}`;
});

// TO BE TAKEN AWAY once `<rondo-chat>` makes the engine that it lacks, and the import above with it.
for (const chat of document.querySelectorAll("rondo-chat"))
  chat.engine = new RemoteEngine();
