// A reply that ends at a text: what is shown of it, and which of its tokens stay.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { StopText } from "../../../src/model/text/stop-text";

const STOPS = ["\nUser:", "\nAssistant:"];

/** What is shown token by token, until a stop has come. */
function read(deltas: readonly string[], stops = STOPS) {
  const text = new StopText(stops);
  const shown: string[] = [];
  for (const delta of deltas) {
    shown.push(text.push(delta));
    if (text.keptTokens !== undefined) break;
  }
  shown.push(text.end());
  return { shown, kept: text.keptTokens };
}

describe("a reply with texts that end it", () => {
  test("ends before such a text, and keeps the tokens that came before", () => {
    expect(read([" Hi", ".", "\n", "\n", "User", ":", " x"])).toEqual({
      shown: [" Hi", ".", "", "\n", "", "", ""],
      kept: 3,
    });
  });

  test("keeps a token of which only the end belongs to that text", () => {
    const { shown, kept } = read([" Hi", ".\n", "User: bye"]);
    expect(shown.join("")).toBe(" Hi.");
    expect(kept).toBe(2);
  });

  test("may be nothing but such a text", () => {
    expect(read(["\nUser:"])).toEqual({ shown: ["", ""], kept: 0 });
  });

  test("shows what only begins like one, at the latest at its end", () => {
    expect(read(["a\nUse", "r", "s", "\nAss"]).shown).toEqual([
      "a",
      "",
      "\nUsers",
      "",
      "\nAss",
    ]);
  });

  test("ends at the first of them, however it is cut into tokens", () => {
    const word = fc.constantFrom(
      "a",
      "\n",
      "User",
      "Us",
      "er:",
      ":",
      "\nA",
      "",
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 30 }), (deltas) => {
        const whole = deltas.join("");
        const [at] = STOPS.map((stop) => whole.indexOf(stop)).filter(
          (index) => index >= 0,
        );
        const { shown, kept } = read(deltas);
        expect(shown.join("")).toBe(whole.slice(0, at));
        expect(kept === undefined).toBe(at === undefined);
        if (kept === undefined) return;
        const before = deltas.slice(0, kept).join("");
        expect(before.startsWith(whole.slice(0, at))).toBe(true);
      }),
    );
  });
});

test("a reply without them is shown as it comes", () => {
  expect(read(["\nUser:", "\nUser:"], [])).toEqual({
    shown: ["\nUser:", "\nUser:", ""],
    kept: undefined,
  });
});
