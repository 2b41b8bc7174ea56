// Listens to the chats' replies, and shows the memory of their engine.
const said = document.getElementById("said");

addEventListener("rondo-round", ({ target, round }) => {
  said.textContent = `${target.id}: ${round.reply}`;
});

const [chat] = document.querySelectorAll("rondo-chat");
document.querySelector("rondo-memory").source = chat.memorySource;
