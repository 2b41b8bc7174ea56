import { expect, test } from "vitest";
import { keptChat } from "../../support/kept-chat";
import { box, find, findAll, openKept, settle } from "../mount";

const ARABIC =
  "مرحبا، اسمي Rondo.\n\n- أولا: `npm install` ثم C++.\n- ثانيا\n\n| اسم | عدد |\n| - | - |\n| قط | 2 |\n\nAn English paragraph.\n\n```js\nlet a; // تعليق\n```\n\n`npm` أداة.";

test("Each block of a reply goes in the direction of its own script", async () => {
  await openKept(keptChat("rtl", [["שלום! איך כותבים C++?", ARABIC]]));
  const markdown = find("rondo-markdown").shadowRoot!;
  const directionOf = (selector: string, at = 0) =>
    getComputedStyle(findAll(selector, markdown)[at]!).direction;
  expect(directionOf("p")).toBe("rtl");
  expect(directionOf("ul")).toBe("rtl");
  expect(directionOf("table")).toBe("rtl");
  expect(directionOf("p", 1)).toBe("ltr");
  expect(directionOf("pre")).toBe("ltr");
  expect(directionOf("p", 2)).toBe("rtl");
  expect(directionOf("p > code")).toBe("ltr");
  const column = find("rondo-markdown").getBoundingClientRect();
  const range = document.createRange();
  range.selectNodeContents(findAll("p", markdown)[0]!);
  expect(range.getBoundingClientRect().right).toBeCloseTo(column.right, -1);
});

test("A message and the box for the next one go in the direction of what is in them", async () => {
  await openKept(keptChat("rtl", [["שלום! איך כותבים C++?", "Hello."]]));
  expect(getComputedStyle(find(".message")).direction).toBe("rtl");
  expect(getComputedStyle(find("rondo-markdown", "p")).direction).toBe("ltr");
  await box().fill("שלום");
  await settle();
  expect(getComputedStyle(box().element()).direction).toBe("rtl");
  await box().fill("Hello");
  await settle();
  expect(getComputedStyle(box().element()).direction).toBe("ltr");
});
