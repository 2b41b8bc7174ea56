import { describe, expect, test } from "vitest";
import { page, userEvent } from "vitest/browser";
import {
  emptySnapshot,
  longSnapshot,
  smallSnapshot,
} from "../../../support/memory-snapshots";
import { find, findAll, focused, settle } from "../../mount";
import { cells, cellText, line, mountPanel, openRound, shown } from "../mount";

const focusedCell = () => {
  const cell = focused()!;
  const row = cell.closest<HTMLElement>("[data-round]");
  return [row?.dataset.round, row && [...row.children].indexOf(cell)];
};

describe("The round map", () => {
  test("has a line for each round, of all branches, in a grid", async () => {
    const snapshot = longSnapshot();
    await mountPanel(snapshot);
    const grid = page.getByRole("grid", { name: "Rounds of the chat" });
    expect(grid.elements()).toHaveLength(1);
    expect(findAll("[data-round]")).toHaveLength(snapshot.chat!.rounds.length);
    const names = findAll('[role="columnheader"]').map(
      ({ textContent }) => textContent,
    );
    expect(names).toEqual([
      "Round",
      "Lower",
      "Upper",
      "State",
      "Attention",
      "Tokens",
      "GPU · stored",
    ]);
  });

  test("says where each half is, by a drawing and in words", async () => {
    await mountPanel();
    expect(cellText(2, 1)).toBe("on the GPU and stored");
    expect(cellText(3, 2)).toBe("stored");
    const [, , upper] = cells(3);
    expect(upper!.title).toBe("upper half: stored (66 kB), not on the GPU");
    const widths = ["gpu", "disk"].map((name) =>
      upper!.querySelector(`.${name}`)!.getAttribute("width"),
    );
    expect(widths).toEqual(["0.0", "22"]);
  });

  test("draws a half that is there in part in part", async () => {
    const snapshot = smallSnapshot();
    const third = snapshot.chat!.rounds[3]!;
    third.lower = { ...third.lower, residentTokens: third.tokens / 2 };
    await mountPanel(snapshot);
    expect(cells(3)[1]!.querySelector(".gpu")!.getAttribute("width")).toBe(
      "11.0",
    );
  });

  test("says what is to be known of a round’s KV, and why the last turn attended to it", async () => {
    const snapshot = smallSnapshot();
    Object.assign(snapshot.chat!.rounds[3]!, {
      isPinned: true,
      quality: "repaired",
    });
    await mountPanel(snapshot);
    expect(cellText(2, 3)).toBe("pinned");
    expect(findAll(".sign", line(3)).map(({ title }) => title)).toEqual([
      "pinned",
      "repaired",
    ]);
    expect(cellText(1, 4)).toBe("mass 62 %");
    expect(cellText(4, 4)).toBe("last 21 %");
    expect(cellText(3, 4)).toBe("2 % not attended to");
    expect(cellText(1, 5)).toBe("41");
  });

  test("has rounds of other branches lighter, beside the line, and says so", async () => {
    await mountPanel(longSnapshot());
    expect(line(5).classList.contains("is-aside")).toBe(true);
    expect(cellText(5, 0)).toBe("5Round 5, on another branch");
    expect(line(6).classList.contains("is-aside")).toBe(true);
    expect(line(8).classList.contains("is-aside")).toBe(false);
    const dots = [4, 5, 8].map((id) =>
      Number(line(id).querySelector("circle")!.getAttribute("cx")),
    );
    expect(dots[1]).toBeGreaterThan(dots[0]!);
    expect(dots[2]).toBe(dots[0]);
  });

  test("begins at its end, and stays where the reader has scrolled to", async () => {
    const { source } = await mountPanel(longSnapshot());
    const scroller = find("rondo-round-map", ".scroll");
    const isAtEnd = () =>
      scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 4;
    expect(scroller.scrollTop).toBeGreaterThan(0);
    expect(isAtEnd()).toBe(true);
    scroller.scrollTop = 100;
    source.emit({ type: "chats-changed" });
    await expect.poll(() => source.asked.length).toBe(2);
    await settle();
    expect(scroller.scrollTop).toBe(100);
  });

  test("of 200 rounds is no wider than the panel, and makes its lines anew only where they change", async () => {
    const { source } = await mountPanel(longSnapshot(200), 360);
    const scroller = find("rondo-round-map", ".scroll");
    expect(scroller.scrollWidth).toBe(scroller.clientWidth);
    const before = findAll("[data-round]");
    const added: Node[] = [];
    const observer = new MutationObserver((records) =>
      records.forEach(({ addedNodes }) => added.push(...addedNodes)),
    );
    observer.observe(find("rondo-round-map").shadowRoot!, {
      childList: true,
      subtree: true,
    });
    source.snapshot = longSnapshot(200);
    source.emit({ type: "chats-changed" });
    await expect.poll(() => source.asked.length).toBe(2);
    await settle();
    observer.disconnect();
    expect(findAll("[data-round]")).toEqual(before);
    expect(added.filter((node) => node instanceof HTMLElement)).toEqual([]);
  });

  test("says where there is nothing to show", async () => {
    const { source } = await mountPanel(emptySnapshot());
    expect(shown("rondo-round-map")).toContain("No chat is open yet.");
    source.snapshot = {
      ...emptySnapshot(),
      chat: { chatId: "new", rounds: [], shownIds: [] },
    };
    source.emit({ type: "chats-changed" });
    await expect
      .poll(() => shown("rondo-round-map"))
      .toContain("This chat has no messages yet.");
  });
});

describe("With the keyboard", () => {
  test("Tab comes to one cell, arrows go from there, and Tab comes back to the last", async () => {
    await mountPanel();
    expect(findAll('.cell[tabindex="0"]')).toHaveLength(1);
    find("rondo-round-map").focus();
    expect(focusedCell()).toEqual(["5", 0]);
    await userEvent.keyboard("{ArrowUp}{ArrowUp}{ArrowRight}{ArrowRight}");
    expect(focusedCell()).toEqual(["3", 2]);
    expect(findAll('.cell[tabindex="0"]')).toEqual([focused()]);
    await userEvent.keyboard("{ArrowLeft}");
    expect(focusedCell()).toEqual(["3", 1]);
  });

  test("Home and End go through a line, with Control through all, and nothing goes over the edge", async () => {
    await mountPanel();
    find("rondo-round-map").focus();
    await userEvent.keyboard("{ArrowDown}{ArrowLeft}");
    expect(focusedCell()).toEqual(["5", 0]);
    await userEvent.keyboard("{End}{ArrowRight}");
    expect(focusedCell()).toEqual(["5", 5]);
    await userEvent.keyboard("{Control>}{Home}{/Control}{ArrowUp}");
    expect(focusedCell()).toEqual(["0", 0]);
    await userEvent.keyboard("{PageDown}");
    expect(focusedCell()).toEqual(["5", 0]);
  });

  test("Enter opens a round’s details, and Escape comes back to it", async () => {
    await mountPanel();
    find("rondo-round-map").focus();
    await userEvent.keyboard("{ArrowUp}{Enter}");
    await settle();
    expect(focused()?.textContent).toBe("Round 4");
    expect(line(4).getAttribute("aria-selected")).toBe("true");
    await userEvent.keyboard("{Escape}");
    await settle();
    expect(findAll("rondo-round-details")).toEqual([]);
    expect(focusedCell()).toEqual(["4", 0]);
  });

  test("A round that is gone leaves Tab a cell to come to", async () => {
    const { source } = await mountPanel();
    await openRound(5);
    await source.deleteRound("miso", 5);
    source.emit({ type: "chats-changed" });
    await expect.poll(() => findAll('[data-round="5"]')).toEqual([]);
    await settle();
    expect(findAll("rondo-round-details")).toEqual([]);
    expect(findAll('.cell[tabindex="0"]')).toHaveLength(1);
  });
});
