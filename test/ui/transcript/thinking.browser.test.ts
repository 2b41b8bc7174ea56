import { expect, test } from "vitest";
import { keptChat } from "../../support/kept-chat";
import {
  announced,
  button,
  find,
  findAll,
  mountChat,
  openKept,
  readyAtOnce,
  say,
  settle,
  shownText,
} from "../mount";

const details = () =>
  find("rondo-thinking").shadowRoot!.querySelector("details")!;
const answers = () =>
  findAll("rondo-markdown")
    .filter(
      (one) =>
        (one.getRootNode() as ShadowRoot).host.localName === "rondo-reply",
    )
    .map(shownText);

test("What a model thinks is in sight while it thinks, and then folded", async () => {
  const { engine } = await mountChat(readyAtOnce);
  await say("What is the cat called?");
  const [reply] = engine.replies;
  reply!.text("<think>\nThe user asks.\n\nIt was");
  await settle();
  expect(details().open).toBe(true);
  expect(shownText(find("rondo-thinking"))).toBe(
    "Thinking… The user asks.It was",
  );
  expect(answers()).toEqual([]);
  reply!.text(" **Miso**.\n</think>");
  await settle();
  expect(details().open).toBe(false);
  expect(shownText(details().querySelector("summary")!)).toBe(
    "Thought for 1 s",
  );
  reply!.text("\n\nMiso!");
  reply!.end();
  await settle();
  expect(answers()).toEqual(["Miso!"]);
  expect(announced()).toBe("Miso!");
  expect(findAll("pre", find("rondo-reply").shadowRoot!)).toEqual([]);
  details().querySelector("summary")!.click();
  await settle();
  expect(details().open).toBe(true);
});

test("What a model thought is not copied", async () => {
  await openKept(
    keptChat("thought", [["What is it?", "<think>\nHm.\n</think>\n\nMiso."]]),
  );
  expect(shownText(details().querySelector("summary")!)).toBe("Thoughts");
  let copied = "";
  const { clipboard } = navigator;
  Object.defineProperty(navigator, "clipboard", {
    value: { writeText: async (text: string) => void (copied = text) },
    configurable: true,
  });
  await button("Copy reply").click({ force: true });
  Object.defineProperty(navigator, "clipboard", {
    value: clipboard,
    configurable: true,
  });
  expect(copied).toBe("Miso.");
});

test("A mark that a reply speaks of hides nothing", async () => {
  const text = "The code is 4711. In Qwen the tag </think> ends the thinking.";
  await openKept(keptChat("marks", [["What ends it?", text]]));
  expect(findAll("rondo-thinking")).toEqual([]);
  expect(answers()).toEqual([text]);
});
