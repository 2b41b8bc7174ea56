// A chat says where another model goes on.
import { expect, test } from "vitest";
import { fakeModel } from "../../support/fake-calls";
import { keptChat, keptRound } from "../../support/kept-chat";
import { findAll, openKept, say, settle, shownText } from "../mount";

const told = () => findAll(".new-model").map(shownText);

/** A chat whose replies are from these models. */
function chatOf(...names: (string | undefined)[]) {
  const rounds = names.map((modelName, i) =>
    keptRound(i + 1, `Question ${i}`, `Answer ${i}`, { modelName }),
  );
  return { ...keptChat("a", []), rounds };
}

test("A saved chat says where another model took over, and back", async () => {
  const file = "Qwen/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q8_0.gguf";
  await openKept(chatOf("rondo-tiny", "rondo-tiny", file, file, "rondo-tiny"));
  expect(told()).toEqual([
    "From here on: Qwen3 0.6B",
    "From here on: rondo-tiny",
  ]);
  const [line] = findAll(".new-model");
  expect(shownText(line!.nextElementSibling!)).toContain("Question 2");
});

test("It says nothing of rounds whose model is not known", async () => {
  await openKept(chatOf(undefined, "rondo-tiny", undefined, "rondo-tiny"));
  expect(told()).toEqual([]);
});

test("A reply of another model says so while it comes, and is read again so", async () => {
  const { engine, chat } = await openKept(chatOf("other"));
  expect(fakeModel.name).toBe("rondo-tiny");
  await say("And you?");
  expect(told()).toEqual(["From here on: rondo-tiny"]);
  engine.replies[0]!.text("Me too.");
  engine.replies[0]!.end();
  await settle();
  chat.refresh();
  await settle();
  expect(told()).toEqual(["From here on: rondo-tiny"]);
});
