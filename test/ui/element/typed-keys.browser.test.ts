import { expect, onTestFinished, test } from "vitest";
import { userEvent } from "vitest/browser";
import { box, draft, mountChat, openKept, readyAtOnce, settle } from "../mount";
import { keptChat } from "../../support/kept-chat";

/** Keys that the page hears, as its shortcuts do. */
function heard(capture = false): string[] {
  const keys: string[] = [];
  for (const target of [window, document, document.body])
    for (const type of ["keydown", "keypress", "keyup"]) {
      const hear = (event: Event) =>
        void keys.push((event as KeyboardEvent).key);
      target.addEventListener(type, hear, { capture });
      onTestFinished(() => target.removeEventListener(type, hear, { capture }));
    }
  return keys;
}

test("What is typed in the box does not reach the page's shortcuts", async () => {
  await mountChat(readyAtOnce);
  await box().click();
  const keys = heard();
  await userEvent.keyboard(
    "sofa /?1{Backspace}{ArrowLeft}{Control>}z{/Control}",
  );
  await userEvent.keyboard("{Shift>}{Enter}{/Shift}");
  expect(keys.filter((key) => !/Control|Shift/.test(key))).toEqual([]);
  expect(draft()).toContain("sofa");
  await userEvent.keyboard("{Enter}");
  await settle();
  expect(keys.filter((key) => !/Control|Shift/.test(key))).toEqual([]);
});

test("What is typed in other boxes of the chat does not either", async () => {
  await openKept(keptChat("a", [["One.", "Two."]]));
  const search = document
    .querySelector("rondo-chat")!
    .shadowRoot!.querySelector("rondo-side-panel")!;
  search.focus();
  const keys = heard();
  const { chats } = search;
  expect(chats).toHaveLength(1);
  await box().click();
  await userEvent.keyboard("j");
  expect(keys).toEqual([]);
});

test("Keys that move in the page, commands, and keys beside the box do", async () => {
  const { chat } = await mountChat(readyAtOnce);
  await box().click();
  const keys = heard();
  await userEvent.keyboard("{Control>}k{/Control}{F1}{Escape}");
  expect(keys).toContain("k");
  expect(keys).toContain("F1");
  expect(keys).toContain("Escape");
  keys.length = 0;
  chat.shadowRoot!.querySelector("rondo-transcript")!.focus();
  await userEvent.keyboard("j");
  expect(keys).toContain("j");
});

test("A page that listens while events are captured hears all", async () => {
  await mountChat(readyAtOnce);
  await box().click();
  const keys = heard(true);
  await userEvent.keyboard("s");
  expect(keys).toContain("s");
});
