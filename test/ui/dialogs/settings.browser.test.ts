// How replies are made, as the user chooses it in a dialog and the page says it in attributes.
import { describe, expect, test } from "vitest";
import { page, userEvent } from "vitest/browser";
import type { Settings } from "../../../src/ui/state/settings/settings";
import { SettingsEvent } from "../../../src/ui/state/events";
import {
  announced,
  button,
  find,
  focused,
  mountChat,
  readyAtOnce,
  say,
  settle,
  shownText,
} from "../mount";

const KEY = `rondo.settings ${new URL("models/rondo-tiny/", document.baseURI).href}`;
const dialog = () => page.getByRole("dialog", { name: "Settings" });
const field = (name: string) =>
  dialog().getByRole("textbox", { name, exact: true });
const slider = (name: string) =>
  dialog().getByRole("slider", { name, exact: true });
const value = (name: string) =>
  (field(name).element() as HTMLInputElement).value;
const shownDefault = (name: string) => {
  const host = (field(name).element().getRootNode() as ShadowRoot).host;
  return shownText(host.shadowRoot!.querySelector("#default")!);
};
const remembered = () =>
  JSON.parse(localStorage.getItem(KEY) ?? "null") as Settings | null;

async function open(): Promise<void> {
  await button("Settings…").click();
  await settle();
}

async function fill(name: string, text: string): Promise<void> {
  await field(name).fill(text);
  await userEvent.keyboard("{Tab}");
  await settle();
}

describe("Settings", () => {
  test("that nobody has chosen are the model's own, and the engine is told none", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await open();
    expect(value("Temperature")).toBe("");
    expect(shownDefault("Temperature")).toBe("Default: the model’s own");
    expect(shownDefault("Repair (r)")).toBe("Default: 0.15");
    expect(slider("Temperature").element()).toHaveAttribute(
      "aria-valuetext",
      "the model’s own",
    );
    await userEvent.keyboard("{Escape}");
    await say("Hello!");
    const { sampler, attention, fusion, maxTokens } =
      engine.replies[0]!.options;
    expect([sampler, attention, fusion, maxTokens]).toEqual(
      Array(4).fill(undefined),
    );
    expect(engine.loads[0]!.options.memoryBudgetBytes).toBeUndefined();
  });

  test("hold from the next message on, and after a reload", async () => {
    const { chat, engine } = await mountChat(readyAtOnce);
    const told: Settings[] = [];
    chat.addEventListener(SettingsEvent.type, ({ settings }) =>
      told.push(settings),
    );
    await open();
    await fill("Temperature", "0,3");
    await fill("Longest reply", "50");
    await fill("Attention to keep (τ)", "0.5");
    await fill("Repair (r)", "1");
    expect(told.at(-1)).toEqual({
      temperature: 0.3,
      maxTokens: 50,
      tau: 0.5,
      repair: 1,
    });
    expect(remembered()).toEqual(told.at(-1));
    await userEvent.keyboard("{Escape}");
    await say("Hello!");
    expect(engine.replies[0]!.options).toMatchObject({
      sampler: { temperature: 0.3 },
      attention: { tau: 0.5 },
      fusion: { ratio: 1 },
      maxTokens: 50,
    });
    chat.remove();
    await mountChat(readyAtOnce);
    await open();
    expect(value("Temperature")).toBe("0.3");
    expect(shownDefault("Temperature")).toBe("Default: the model’s own");
  });

  test("can be chosen with a slider, which moves with the number", async () => {
    await mountChat(readyAtOnce);
    await open();
    slider("Temperature").element().focus();
    await userEvent.keyboard("{Home}{ArrowRight}");
    await settle();
    expect(value("Temperature")).toBe("0.05");
    await fill("Temperature", "1.5");
    expect((slider("Temperature").element() as HTMLInputElement).value).toBe(
      "1.5",
    );
  });

  test("that cannot be are said beside the field, and what held before goes on", async () => {
    await mountChat(readyAtOnce);
    await open();
    await fill("Temperature", "0.3");
    await fill("Temperature", "hot");
    expect(value("Temperature")).toBe("hot");
    await expect
      .element(dialog().getByRole("alert"))
      .toHaveTextContent("Enter a number from 0 to 100.");
    expect(field("Temperature").element()).toBeInvalid();
    expect(remembered()).toEqual({ temperature: 0.3 });
    await fill("Temperature", "0.4");
    expect(dialog().getByRole("alert").elements()).toEqual([]);
    expect(remembered()).toEqual({ temperature: 0.4 });
  });

  test("go back one by one, or all at once", async () => {
    await mountChat(readyAtOnce);
    await open();
    await fill("Temperature", "0.3");
    await fill("Repair (r)", "0.5");
    await button("Reset Temperature").click();
    await settle();
    expect(value("Temperature")).toBe("");
    expect(focused()).toBe(field("Temperature").element());
    expect(remembered()).toEqual({ repair: 0.5 });
    await button("Reset all").click();
    await settle();
    expect(value("Repair (r)")).toBe("");
    expect(localStorage.getItem(KEY)).toBeNull();
    expect(announced()).toBe("Settings reset.");
  });

  test("have Round Attention as a switch", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await open();
    const control = dialog().getByRole("switch", { name: "Round Attention" });
    await expect.element(control).toBeChecked();
    await control.click();
    await settle();
    await expect.element(control).not.toBeChecked();
    await userEvent.keyboard("{Escape}");
    await say("Hello!");
    expect(engine.replies[0]!.options.attention).toEqual({ mode: "all" });
    await open();
    await control.click();
    await settle();
    expect(localStorage.getItem(KEY)).toBeNull();
  });

  test("of memory hold once the model is loaded again, which is offered", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await open();
    expect(button("Load it again").elements()).toEqual([]);
    await fill("Memory for chats", "300");
    expect(remembered()).toEqual({ memoryBudgetBytes: 300e6 });
    expect(engine.loads).toHaveLength(1);
    await button("Load it again").click();
    await settle();
    expect(engine.loads).toHaveLength(2);
    expect(engine.loads[1]!.options.memoryBudgetBytes).toBe(300e6);
    expect(dialog().elements()).toEqual([]);
    await open();
    expect(button("Load it again").elements()).toEqual([]);
    await fill("Memory for chats", "1.5 GB");
    expect(value("Memory for chats")).toBe("1500");
  });

  test.each([
    "no JSON",
    '{ "temperature": "hot" }',
    '{ "temperature": -1 }',
    '{ "attention": "some" }',
  ])("that were tampered with are not believed: %s", async (text) => {
    localStorage.setItem(KEY, text);
    const { engine } = await mountChat(readyAtOnce);
    await say("Hello!");
    expect(engine.replies[0]!.options.sampler).toBeUndefined();
    expect(engine.replies[0]!.options.attention).toBeUndefined();
  });

  test("of the page are what the user chooses over", async () => {
    const { chat, engine } = await mountChat(readyAtOnce);
    chat.setAttribute("temperature", "0.2");
    chat.setAttribute("memory-budget", "1GB");
    await settle();
    await open();
    expect(value("Temperature")).toBe("");
    expect(shownDefault("Temperature")).toBe("Default: 0.2, set by this page");
    expect(shownDefault("Memory for chats")).toBe(
      "Default: 1,000 MB, set by this page",
    );
    await fill("Temperature", "0.9");
    await userEvent.keyboard("{Escape}");
    await say("Hello!");
    expect(engine.replies[0]!.options.sampler).toEqual({ temperature: 0.9 });
  });

  test("lead to the chat's instructions", async () => {
    await mountChat(readyAtOnce);
    await open();
    await button("Instructions of this chat…").click();
    await settle();
    expect(focused()).toBe(find("rondo-instructions", "textarea"));
    expect(dialog().elements()).toEqual([]);
  });

  test("leave a reply alone on Escape", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("Hello!");
    await open();
    await userEvent.keyboard("{Escape}");
    await settle();
    expect(dialog().elements()).toEqual([]);
    expect(engine.replies[0]!.signal!.aborted).toBe(false);
    expect(focused()).toBe(button("Settings…").element());
  });
});
