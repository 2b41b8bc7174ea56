import { afterEach, expect, test } from "vitest";
import { cdp } from "vitest/browser";
import { keptChat } from "../../support/kept-chat";
import { find, findAll, openKept, settle } from "../mount";

interface Emulation {
  send(method: string, params: object): Promise<unknown>;
}

const print = (media: string) =>
  (cdp() as unknown as Emulation).send("Emulation.setEmulatedMedia", { media });

afterEach(() => print(""));

test.for(["page", "box"])("A chat in a %s is printed whole", async (place) => {
  const code = `\`\`\`js\nconst a = "${"x".repeat(400)}";\n\`\`\``;
  const rounds = Array.from({ length: 20 }, (_, i): [string, string] => [
    `Question ${i}`,
    `Answer ${i}\n\n${code}`,
  ]);
  const { chat } = await openKept(keptChat("print", rounds));
  if (place === "box") {
    chat.compact = true;
    chat.style.height = "400px";
    chat.style.overflow = "hidden";
  }
  await print("print");
  dispatchEvent(new Event("beforeprint"));
  await settle();
  const elements = findAll("rondo-round");
  const end = elements.at(-1)!.getBoundingClientRect().bottom;
  const start = elements[0]!.getBoundingClientRect().top;
  const height = chat.getBoundingClientRect();
  expect(end - start).toBeGreaterThan(2000);
  expect(height.bottom).toBeGreaterThanOrEqual(end - 10);
  expect(findAll("rondo-reply")).toHaveLength(20);
  const isCut = (box: HTMLElement) =>
    box.scrollHeight > box.clientHeight + 1 &&
    box.clientHeight > 1 &&
    !/visible|clip/.test(getComputedStyle(box).overflowY);
  expect(findAll("*").filter(isCut)).toEqual([]);
  const { scrollWidth, clientWidth } = find("pre");
  expect(scrollWidth).toBeLessThanOrEqual(clientWidth);
  const controls = findAll("button, textarea, input").filter(
    (control) =>
      control.checkVisibility() && control.getClientRects().length > 0,
  );
  expect(controls).toEqual([]);
});
