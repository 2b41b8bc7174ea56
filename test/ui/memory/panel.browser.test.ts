import { describe, expect, test, vi } from "vitest";
import { page } from "vitest/browser";
import {
  joinLayers,
  sortBuffers,
} from "../../../src/ui/memory/sections/buffer-table";
import {
  emptySnapshot,
  HOSTILE,
  longSnapshot,
  makeReport,
  smallSnapshot,
  unloadedSnapshot,
} from "../../support/memory-snapshots";
import { button, find, findAll, focused, settle } from "../mount";
import { line, mountPanel, openRound, shown } from "./mount";

const press = async (name: string) => {
  await button(name, true).first().click();
  await settle();
};

const toggle = () => page.getByRole("checkbox", { name: "Show round texts" });

describe("The panel shows", () => {
  test("what takes how much of the GPU, with the most so far, and KV against its budget", async () => {
    await mountPanel();
    const text = shown("rondo-memory-use");
    for (const part of [
      "50.1 MB in all",
      "weights6.9 MB",
      "lower pages21.0 MB",
      "upper pages10.5 MB",
      "activations3.4 MB",
      "staging8.4 MB",
      "most so far62.0 MB",
      "1.6 MB of 67.1 MB of the budget",
      "most so far38.0 MB",
    ])
      expect(text).toContain(part);
    // As wide as their share: the most so far is the whole bar.
    const [bar] = findAll(".bar", find("rondo-memory-use").shadowRoot!);
    const widths = [...bar!.querySelectorAll("rect")].map((rect) =>
      Number.parseFloat(rect.getAttribute("width")!),
    );
    expect(widths[0]).toBeCloseTo((6_896_400 / 62e6) * 100, 1);
    expect(widths.reduce((sum, width) => sum + width)).toBeCloseTo(
      (50_142_288 / 62e6) * 100,
      0,
    );
  });

  test("the three tiers in bytes and tokens", async () => {
    await mountPanel(longSnapshot());
    expect(
      findAll("li", find("rondo-memory-tiers").shadowRoot!).map(
        ({ textContent }) => textContent.replace(/\s+/g, " ").trim(),
      ),
    ).toEqual([
      "GPU 17.2 MB 3,915 tokens",
      "Staging 262 kB 2 segments to write",
      "IndexedDB 14.8 MB 7,225 tokens",
    ]);
  });

  test("where the last turn’s time went, and what it did", async () => {
    await mountPanel();
    const text = shown("rondo-last-turn");
    for (const part of [
      "round 5",
      "Lower halves2 ms",
      "Reading45 ms",
      "Selecting6 ms",
      "Other tokens1.8 s",
      "4 of 5 rounds",
      "32 of 210 stale tokens",
    ])
      expect(text).toContain(part);
  });

  test("turns over time, with a table of the same", async () => {
    await mountPanel();
    expect(
      findAll("rondo-turn-plot canvas").concat(
        findAll("canvas").filter((canvas) => canvas.closest(".uplot")),
      ),
    ).toHaveLength(4);
    expect(
      page
        .getByRole("img", {
          name: /^Speed: 37 tok\/s to 38 tok\/s, last 37 tok\/s$/,
        })
        .elements(),
    ).toHaveLength(1);
    await page.getByText("As a table").first().click();
    await settle();
    const rows = findAll("tbody tr", find("rondo-memory-timeline").shadowRoot!);
    expect(rows).toHaveLength(5);
    expect(rows.at(-1)!.textContent.replace(/\s+/g, " ").trim()).toBe(
      "5 23.8 MB6.0 MB0 B151 ms37 tok/s",
    );
  });

  test("how attention fell on rounds, once a turn was verified", async () => {
    const { source } = await mountPanel();
    expect(shown("rondo-heat-map")).toContain("Press “Verify this turn”");
    const report = makeReport(source.snapshot);
    source.onVerify = (verification) => verification.finish(report);
    await press("Verify this turn");
    const canvas = find("rondo-heat-map", "canvas") as HTMLCanvasElement;
    expect([canvas.width, canvas.height]).toEqual([4, 8]);
    expect(canvas.getAttribute("aria-label")).toContain(
      "8 layers by 4 rounds. The watershed lies above layer 3.",
    );
    // Above layer 3 of 8 there are four.
    expect(find("rondo-heat-map", ".watershed line").getAttribute("y1")).toBe(
      "50%",
    );
    const alpha = canvas
      .getContext("2d")!
      .getImageData(0, 0, 4, 8)
      .data.filter((_, i) => i % 4 === 3);
    const darkest = alpha.indexOf(255);
    const max = Math.max(...report.mass.flat());
    expect(report.mass[7 - Math.floor(darkest / 4)]![darkest % 4]).toBe(max);
    canvas.parentElement!.dispatchEvent(
      new PointerEvent("pointermove", {
        clientX: canvas.getBoundingClientRect().left + 2,
        clientY: canvas.getBoundingClientRect().top + 2,
      }),
    );
    await settle();
    expect(shown("rondo-heat-map")).toContain("Layer 7, round 1:");
    await page.getByText("As a table").first().click();
    await settle();
    expect(
      findAll("tbody tr", find("rondo-heat-map").shadowRoot!),
    ).toHaveLength(4);
  });

  test("the largest buffers, then all, sorted as one likes", async () => {
    await mountPanel();
    const labels = () =>
      findAll("tbody tr", find("rondo-buffer-table").shadowRoot!).map(
        (row) => row.querySelector("td")!.textContent,
      );
    expect(labels()).toHaveLength(8);
    expect(labels()[0]).toBe("lower keys");
    await press("Show 10 more");
    expect(labels()).toHaveLength(18);
    await press("Label");
    expect(labels()).toEqual([...labels()].sort((a, b) => a.localeCompare(b)));
    expect(
      find("rondo-buffer-table", '[aria-sort="ascending"]').textContent,
    ).toContain("Label");
  });

  test("the device, its limits, and the kernels that were tried", async () => {
    const snapshot = smallSnapshot();
    snapshot.gpu!.device.canary.push({
      kernel: "matmul q4",
      error: 0.5,
      tolerance: 0.002,
    });
    await mountPanel(snapshot);
    const text = shown("rondo-memory-device");
    for (const part of [
      "Apple M3 Pro · apple · metal-3",
      "shader-f16, subgroups, timestamp-query",
      "above layer 3 of 8, using 5 of 8 heads; measured for this model",
      "maxBufferSize 4.3 GB",
      "matvec f16 0.00012 0.002 passed",
      "matmul q4 0.5 0.002 failed",
    ])
      expect(text).toContain(part);
  });

  test("storage, and what waits to be written", async () => {
    await mountPanel(longSnapshot());
    const text = shown("rondo-memory-storage");
    for (const part of [
      "412 MB of 10.7 GB of what the browser allows",
      "14.8 MB in 137 segments, 7,225 tokens",
      "2 segments, 262 kB",
      "until the browser needs the space",
    ])
      expect(text).toContain(part);
  });

  test("that there is nothing yet, in an empty engine", async () => {
    await mountPanel(emptySnapshot());
    const text = shown("rondo-memory");
    for (const part of [
      "No message has been sent in this chat",
      "No chat is open yet.",
      "Time and memory of each turn appear here",
    ])
      expect(text).toContain(part);
    expect(button("Forget KV of this chat…").elements()).toEqual([]);
  });

  test("what is stored, also before a model is loaded", async () => {
    const snapshot = unloadedSnapshot();
    snapshot.storage.isPersistent = undefined;
    snapshot.storage.quotaBytes = undefined;
    await mountPanel(snapshot);
    const text = shown("rondo-memory");
    for (const part of [
      "No model is loaded: Rondo has nothing on the GPU.",
      "No model is loaded.",
      "The browser does not report how much space there is.",
      "There are none on the GPU.",
    ])
      expect(text).toContain(part);
  });
});

describe("KV is forgotten", () => {
  test("of a chat after a question that says that text stays", async () => {
    const { source } = await mountPanel();
    await press("Forget KV of this chat…");
    expect(source.calls).toEqual([]);
    expect(shown("rondo-delete-question")).toContain("Forget this chat’s KV?");
    expect(shown("rondo-delete-question")).toContain("All text stays.");
    expect(focused()?.textContent?.trim()).toBe("Keep");
    await press("Forget");
    expect(source.calls).toEqual(["wipeKv miso"]);
  });

  test("of all chats, if that is asked for, with how much goes", async () => {
    const { source } = await mountPanel();
    await press("Forget all KV…");
    expect(shown("rondo-delete-question")).toContain(
      "Forget the KV of all chats?",
    );
    expect(shown("rondo-delete-question")).toContain("774 kB in 12 segments");
    await press("Forget");
    expect(source.calls).toEqual(["wipeKv all"]);
  });

  test("not at all, if it is kept", async () => {
    const { source } = await mountPanel();
    await press("Forget all KV…");
    await press("Keep");
    expect(source.calls).toEqual([]);
    expect(focused()?.textContent?.trim()).toBe("Forget all KV…");
  });
});

describe("Text", () => {
  test("is asked for only when it is wanted, and put away at once", async () => {
    const { source } = await mountPanel();
    expect(source.asked.some(({ withText }) => withText)).toBe(false);
    await toggle().click();
    await settle();
    expect(source.asked.at(-1)?.withText).toBe(true);
    expect(shown("rondo-round-map")).toContain("My cat is called Miso.");
    source.gate = new Promise(() => {});
    await toggle().click();
    await settle();
    expect(shown("rondo-memory")).not.toContain("Miso");
  });

  test("that is markup is shown as text", async () => {
    await mountPanel();
    await toggle().click();
    await settle();
    await openRound(2);
    expect(line(2).querySelector(".text")!.textContent).toContain(HOSTILE);
    expect(shown("rondo-round-details")).toContain(HOSTILE);
    expect(findAll("rondo-memory img").concat(findAll("img"))).toEqual([]);
    expect("pwned" in window).toBe(false);
  });

  test("is never in what is copied", async () => {
    const { source } = await mountPanel();
    await toggle().click();
    await settle();
    const write = vi
      .spyOn(navigator.clipboard, "writeText")
      .mockResolvedValue();
    await press("Copy the snapshot as JSON, without text");
    expect(write).toHaveBeenCalledOnce();
    const copied: unknown = JSON.parse(write.mock.calls[0]![0]);
    expect(copied).toEqual(JSON.parse(JSON.stringify(source.snapshot)));
    write.mockRestore();
  });
});

test("What each layer has of its own is one line of the table", () => {
  const [pattern] = smallSnapshot().gpu!.buffers;
  const labels = ["layer 2 down", "embedding", "layer 0 down", "layer 1 up"];
  const buffers = labels.map((label) => ({
    ...pattern!,
    label,
    count: 1,
    bytes: 10,
  }));
  expect(
    joinLayers(buffers).map(({ bytes, count, label }) => [label, count, bytes]),
  ).toEqual([
    ["down of layers 0 to 2", 2, 20],
    ["embedding", 1, 10],
    ["up of layer 1", 1, 10],
  ]);
});

test("Buffers of one size are sorted by their bytes", () => {
  const { buffers } = smallSnapshot().gpu!;
  const sorted = sortBuffers(buffers, "count", false);
  expect(sorted.map(({ count }) => count)).toEqual(
    [...sorted.map(({ count }) => count)].sort((a, b) => a - b),
  );
  expect(sorted[0]!.label).toBe("uploads");
});

test("Narrow it has one column, wider two, and in a window of its own three", async () => {
  const { panel } = await mountPanel(longSnapshot(), 360);
  const columns = () =>
    new Set(
      findAll(".column").map((column) =>
        Math.round(column.getBoundingClientRect().left),
      ),
    ).size;
  const overflow = () => {
    const body = find("rondo-memory", ".body");
    return body.scrollWidth - body.clientWidth;
  };
  expect([columns(), overflow()]).toEqual([1, 0]);
  for (const [width, count] of [
    [480, 1],
    [800, 2],
    [1200, 3],
  ] as const) {
    await page.viewport(width, 800);
    await settle();
    expect([columns(), overflow()]).toEqual([count, 0]);
  }
  // Plots are as wide as their place.
  for (const plot of findAll(".plot", panel.shadowRoot!))
    expect(plot.querySelector("canvas")!.clientWidth).toBe(plot.clientWidth);
});
