import { describe, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import { namedError } from "../../../support/fake-calls";
import {
  longSnapshot,
  makeReport,
  smallSnapshot,
} from "../../../support/memory-snapshots";
import {
  button,
  find,
  findAll,
  focused,
  isDisabled,
  settle,
} from "../../mount";
import { line, mountPanel, openRound, shown } from "../mount";

const press = async (name: string) => {
  await button(name, true).last().click();
  await settle();
};

const announced = () =>
  find("rondo-memory").shadowRoot!.querySelector('[role="status"]')!
    .textContent;

describe("The details of a round", () => {
  test("say everything about it in words", async () => {
    await mountPanel();
    await openRound(2);
    const text = shown("rondo-round-details");
    expect(text).toContain("120 tokens");
    expect(text).toContain("on the GPU (262 kB) and stored (123 kB)");
    expect(text).toContain("exact: the same as after a full prefill");
    expect(text).toContain("pinned: every turn attends to it");
    expect(text).toContain("Attended to in the last turn: it is pinned.");
  });

  test("say what is stale, and what is on another branch", async () => {
    const snapshot = longSnapshot();
    await mountPanel(snapshot);
    const stale = snapshot.chat!.rounds.find(
      ({ quality }) => quality === "stale",
    )!;
    await openRound(stale.id);
    expect(shown("rondo-round-details")).toContain(
      "stale: computed in another context",
    );
    expect(shown("rondo-round-details")).not.toContain("exact:");
    await openRound(5);
    expect(shown("rondo-round-details")).toContain(
      "on a branch that is not shown",
    );
  });

  test("stay open and are brought up to date", async () => {
    const { source } = await mountPanel();
    await openRound(3);
    await source.pinRound("miso", 3, true);
    source.emit({ type: "chats-changed" });
    await expect
      .poll(() => shown("rondo-round-details"))
      .toContain("pinned: every turn");
  });

  test("of the system prompt offer nothing that would not work", async () => {
    await mountPanel();
    await openRound(0);
    const names = findAll("rondo-round-details button")
      .concat(findAll("button", find("rondo-round-details").shadowRoot!))
      .map(({ textContent }) => textContent.trim());
    expect(names).toEqual(["", "Evict"]);
  });
});

describe("A round", () => {
  test("is pinned and unpinned", async () => {
    const { source } = await mountPanel();
    await openRound(3);
    await press("Pin");
    expect(source.calls).toEqual(["pinRound miso 3 true"]);
    await expect.poll(() => button("Unpin", true).elements()).toHaveLength(1);
    await press("Unpin");
    expect(source.calls.at(-1)).toBe("pinRound miso 3 false");
  });

  test("is evicted, and cannot be a second time", async () => {
    const { source } = await mountPanel();
    await openRound(2);
    await press("Evict");
    expect(source.calls).toEqual(["evictRound miso 2"]);
    expect(announced()).toBe("Evicted.");
    await expect.poll(() => isDisabled(button("Evict", true))).toBe(true);
    await button("Evict", true).click({ force: true });
    expect(source.calls).toHaveLength(1);
  });

  test("that could not be evicted is as it was, and the panel says why", async () => {
    const { source } = await mountPanel();
    await openRound(2);
    source.calls.length = 0;
    source.evictRound = async () => {
      throw namedError("StoreError", "The disk is full.");
    };
    await press("Evict");
    expect(shown("rondo-memory")).toContain(
      "The round could not be taken off the GPU.",
    );
    await press("Dismiss");
    expect(shown("rondo-memory")).not.toContain("could not be taken");
  });

  test("is deleted only after a question that says what goes", async () => {
    const { source } = await mountPanel();
    await openRound(2);
    await press("Delete…");
    expect(source.calls).toEqual([]);
    expect(shown("rondo-delete-question")).toContain(
      "Delete round 2, with its message and its reply?",
    );
    expect(shown("rondo-delete-question")).toContain(
      "Later messages are recomputed",
    );
    expect(focused()?.textContent?.trim()).toBe("Keep");
    await press("Delete and forget");
    expect(source.calls).toEqual(["deleteRound miso 2 forget"]);
    await expect.poll(() => findAll('[data-round="2"]')).toEqual([]);
  });

  test("is deleted quickly, if that is what is wanted", async () => {
    const { source } = await mountPanel();
    await openRound(2);
    await press("Delete…");
    await press("Delete quickly");
    expect(source.calls).toEqual(["deleteRound miso 2 fast"]);
  });

  test("behind which nothing was said is not asked about twice", async () => {
    await mountPanel();
    await openRound(5);
    await press("Delete…");
    expect(shown("rondo-delete-question")).toContain(
      "Deletes its text and its KV.",
    );
    expect(button("Delete quickly").elements()).toEqual([]);
  });

  test("is kept by Escape, which closes the question alone", async () => {
    const { source } = await mountPanel();
    await openRound(2);
    await press("Delete…");
    await userEvent.keyboard("{Escape}");
    await settle();
    expect(source.calls).toEqual([]);
    expect(findAll("rondo-delete-question")).toEqual([]);
    expect(focused()?.textContent?.trim()).toBe("Delete…");
    expect(line(2).getAttribute("aria-selected")).toBe("true");
  });

  test("that is a document is detached, and not verified", async () => {
    const snapshot = smallSnapshot();
    snapshot.chat!.rounds[3]!.kind = "document";
    await mountPanel(snapshot);
    await openRound(3);
    expect(button("Verify", true).elements()).toEqual([]);
    await press("Detach…");
    expect(shown("rondo-delete-question")).toContain(
      "Detach document 3, with its text?",
    );
  });
});

describe("A verification", () => {
  test("says how far it is, and then what it found", async () => {
    const { source } = await mountPanel();
    await press("Verify this turn");
    expect(source.calls).toEqual(["verify miso 5"]);
    expect(button("Verify this turn").elements()).toEqual([]);
    source.verifications[0]!.options.onProgress?.({
      doneTokens: 12,
      totalTokens: 41,
    });
    await settle();
    expect(shown("rondo-last-turn")).toContain("12 of 41 tokens");
    source.verifications[0]!.finish(makeReport(source.snapshot));
    await settle();
    expect(shown("rondo-last-turn")).toContain(
      "At all 41 tokens of the reply the same word was likeliest.",
    );
    expect(announced()).toBe("Verified.");
  });

  test("of another round shows in its details", async () => {
    const { source } = await mountPanel();
    await openRound(3);
    await press("Verify");
    expect(source.calls).toEqual(["verify miso 3"]);
    expect(shown("rondo-last-turn")).not.toContain("Starting");
    source.verifications[0]!.finish(
      makeReport(source.snapshot, { roundId: 3, sameTop1: 40 }),
    );
    await settle();
    expect(shown("rondo-round-details")).toContain("At 40 of 41 tokens");
    expect(shown("rondo-last-turn")).not.toContain("41 tokens of the reply");
  });

  test("is given up, and may begin again", async () => {
    const { source } = await mountPanel();
    await press("Verify this turn");
    await press("Cancel");
    expect(source.verifications[0]!.options.signal?.aborted).toBe(true);
    expect(shown("rondo-last-turn")).not.toContain("could not");
    await press("Verify this turn");
    expect(source.verifications).toHaveLength(2);
  });

  test("is given up when the panel is closed or hidden", async () => {
    const { panel, source } = await mountPanel();
    await press("Verify this turn");
    panel.hidden = true;
    await settle();
    expect(source.verifications[0]!.options.signal?.aborted).toBe(true);
    panel.hidden = false;
    await settle();
    await press("Verify this turn");
    panel.remove();
    expect(source.verifications[1]!.options.signal?.aborted).toBe(true);
  });

  test("that fails says why", async () => {
    const { source } = await mountPanel();
    await press("Verify this turn");
    source.verifications[0]!.fail(
      namedError("ContextFullError", "The chat has 4,000 tokens."),
    );
    await settle();
    expect(shown("rondo-last-turn")).toContain(
      "It could not be verified. The chat has 4,000 tokens.",
    );
    expect(button("Verify this turn").elements()).toHaveLength(1);
  });
});
