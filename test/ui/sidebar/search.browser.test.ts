import { describe, expect, test } from "vitest";
import { page, userEvent } from "vitest/browser";
import { keptChat } from "../../support/kept-chat";
import {
  button,
  find,
  findAll,
  focused,
  messages,
  mountChat,
  readyAtOnce,
  settle,
  shownText,
} from "../mount";

const said: [title: string, message: string, reply: string][] = [
  ["Cats", "My cat is called Miso.", "A lovely name."],
  ["Crème brûlée", "How is it made?", "With cream and a flame."],
  ["Bread", "Teach me to bake.", "Flour, water, and cream for the Rich."],
  ["The sea", "Tell me about the sea.", "It is wide."],
  ["The moon", "Tell me about the moon.", "It is far."],
  ["Holidays", "Where to?", "Oslo."],
];

/** So many chats, the newest first. */
const script = (count = said.length) => ({
  ...readyAtOnce,
  chats: said
    .slice(0, count)
    .map(([title, ...round], i) =>
      keptChat(title, [round], { title, daysAgo: i }),
    ),
});

const search = () => page.getByRole("searchbox", { name: "Search chats" });
const entries = (part: string) =>
  findAll("rondo-chat-entry").map(({ shadowRoot }) =>
    shadowRoot!.querySelector(part)?.textContent.replace(/\s+/g, " ").trim(),
  );
const titles = () => entries(".title");
const status = () => shownText(find("rondo-search-box", "[role=status]"));
const typed = () => (search().element() as HTMLInputElement).value;

describe("The search among chats", () => {
  test("is there where there are more than a few", async () => {
    await mountChat(script(5));
    expect(search().query()).toBe(null);
  });

  test("finds titles at once, and what was said as soon as that is looked through", async () => {
    let finish = () => {};
    const { engine } = await mountChat({
      ...script(),
      search: async (search) => {
        await new Promise<void>((resolve) => (finish = resolve));
        const [before, found, after] = ["water, and ", "cream", " for the"];
        const excerpt = { before, found, after };
        search.settleWith([{ chatId: "Bread", excerpt }]);
      },
    });
    await search().fill("creme");
    await settle();
    expect(titles()).toEqual(["Crème brûlée"]);
    await expect.poll(() => engine.searches.length).toBe(1);
    finish();
    await expect.poll(titles).toEqual(["Crème brûlée", "Bread"]);
    expect(entries(".excerpt")[1]).toBe(", water, and cream for the");
    expect(status()).toBe("2 chats found");
  });

  test("goes through the messages and replies of all chats", async () => {
    await mountChat(script());
    await search().fill("TELL about sea");
    await expect.poll(titles).toEqual(["The sea"]);
    await expect.poll(status).toBe("1 chat found");
  });

  test("says when nothing is found, but not before that is sure", async () => {
    await mountChat(script());
    await search().fill("zebra");
    await settle();
    expect(status()).toBe("");
    await expect.poll(status).toBe("No chat found");
    expect(titles()).toEqual([]);
  });

  test("asks for the last of what is typed alone", async () => {
    const { engine } = await mountChat({ ...script(), search: () => {} });
    await search().fill("cat");
    await expect.poll(() => engine.searches.length).toBe(1);
    // Both within one task: a slow machine would take the first for all that is typed.
    const input = search().element() as HTMLInputElement;
    for (const typed of ["cats", "cats and"]) {
      input.value = typed;
      input.dispatchEvent(new InputEvent("input", { bubbles: true }));
    }
    await expect.poll(() => engine.searches[0]!.signal!.aborted).toBe(true);
    await expect.poll(() => engine.searches.length).toBe(2);
    expect(engine.searches[1]!.query).toBe("cats and");
  });

  test("still finds titles where the chats cannot be read", async () => {
    await mountChat({
      ...script(),
      search: (search) => search.settleWith(Promise.reject(new Error("Disk."))),
    });
    await search().fill("moon");
    await expect.poll(status).toBe("1 chat found");
    expect(titles()).toEqual(["The moon"]);
  });

  test("is cleared by Escape, which ends nothing else, and by its button", async () => {
    const { chat } = await mountChat(script(), 360);
    await button("Chats").click();
    await settle();
    await search().fill("moon");
    await userEvent.keyboard("{Escape}");
    await settle();
    expect(typed()).toBe("");
    expect(titles()).toHaveLength(said.length);
    expect(find("rondo-side-panel").inert).toBe(false);
    await search().fill("moon");
    await button("Clear the search").click();
    await settle();
    expect(typed()).toBe("");
    expect(focused()).toBe(search().element());
    // An empty one leaves the key to the drawer.
    await userEvent.keyboard("{Escape}");
    await settle();
    expect(chat.shadowRoot!.querySelector("rondo-side-panel")!.inert).toBe(
      true,
    );
  });

  test.for(["{ArrowDown}", "{Enter}"])(
    "leads on to what it has found by %s, and that is opened as ever",
    async (key) => {
      await mountChat(script());
      await search().fill("far");
      await expect.poll(titles).toEqual(["The moon"]);
      await userEvent.keyboard(key);
      await userEvent.keyboard("{Enter}");
      await settle();
      expect(messages()).toEqual(["Tell me about the moon."]);
      expect(typed()).toBe("far");
    },
  );
});
