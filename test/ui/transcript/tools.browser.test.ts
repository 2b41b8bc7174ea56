// Calls of tools and what they gave, as the page shows them.
import { expect, test } from "vitest";
import { page } from "vitest/browser";
import { keptChat, keptRound } from "../../support/kept-chat";
import { button, openKept, replies } from "../mount";

const call = {
  id: "000001000",
  name: "weather",
  arguments: { city: "<b>Oslo</b>" },
};
const result = { callId: call.id, name: "weather", content: "<i>Rain.</i>" };

function chat() {
  const kept = keptChat("old", []);
  kept.rounds = [
    keptRound(1, "Is it raining?", "", { calls: [call] }),
    keptRound(2, "", "It is.", { results: [result] }),
  ];
  return kept;
}

test("are lines that open to their text, and no markup", async () => {
  await openKept(chat());
  expect(replies()[1]).toContain("It is.");
  await page.getByText("Called weather").click();
  await expect.element(page.getByText("<b>Oslo</b>")).toBeVisible();
  await page.getByText("weather gave").click();
  await expect.element(page.getByText("<i>Rain.</i>")).toBeVisible();
});

test("a reply to results is made again with the same ones", async () => {
  const { engine } = await openKept(chat());
  await button("Regenerate").last().click();
  await expect.poll(() => engine.replies.length).toBe(1);
  expect(engine.replies[0]!.kept.results).toEqual([result]);
  expect(engine.replies[0]!.kept.message).toBe("");
});
