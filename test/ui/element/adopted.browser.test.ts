import { expect, onTestFinished, test } from "vitest";
import { keptChat } from "../../support/kept-chat";
import { find, findAll, openKept, settle } from "../mount";

test("A chat that is moved into another document keeps its looks and its messages", async () => {
  const { chat } = await openKept(
    keptChat("moved", [["Hello?", "Hi *there*.\n\n```js\nlet a;\n```"]]),
  );
  const { backgroundColor } = getComputedStyle(find(".message"));
  const frame = document.createElement("iframe");
  frame.style.cssText = "width: 900px; height: 600px";
  document.body.append(frame);
  onTestFinished(() => frame.remove());
  frame.contentDocument!.body.append(chat);
  await settle();
  const inside = (selector: string) =>
    findAll(selector, frame.contentDocument!)[0]!;
  const styleOf = (selector: string) =>
    frame.contentWindow!.getComputedStyle(inside(selector));
  expect(styleOf(".message").backgroundColor).toBe(backgroundColor);
  expect(styleOf(".code").overflow).toBe("hidden");
  for (const element of findAll("*", frame.contentDocument!).filter(
    ({ localName, shadowRoot }) => /^rondo-/.test(localName) && shadowRoot,
  ))
    expect(element.shadowRoot!.adoptedStyleSheets.length).toBeGreaterThan(0);
  expect(inside(".message").textContent).toBe("Hello?");
  document.body.append(chat);
  await settle();
  expect(getComputedStyle(find(".message")).backgroundColor).toBe(
    backgroundColor,
  );
});

test("An engine of null is none", async () => {
  const { chat, engine } = await openKept(keptChat("a", [["One.", "Two."]]));
  Object.assign(chat, { engine: null });
  await settle();
  chat.engine = engine;
  await settle();
  expect(chat.state).toBe("ready");
});
