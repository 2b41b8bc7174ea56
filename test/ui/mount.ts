/** A `<rondo-chat>` in the test's page with a fake engine behind it, and ways to see and touch it. */
import { onTestFinished } from "vitest";
import { page } from "vitest/browser";
import type { ChatElement } from "../../src/ui/element/chat-element";
import "../../src/ui/define";
// What the page loads late: a test does not wait for it.
import "../../src/ui/composer/define-files";
import "../../src/ui/dialogs/define-settings";
import "../../src/ui/transcript/define-round-parts";
import { defineMarkdown } from "../../src/ui/markdown/define-markdown";
import type { ChatHistory } from "../../src/engine/api/chats";
import { FakeEngine, type FakeScript } from "../support/fake-engine";

export interface Mounted {
  chat: ChatElement;
  engine: FakeEngine;
}

/** Loads at once, so that a test may begin with its first message. */
export const readyAtOnce: FakeScript = {
  load: (load) => load.finish(),
  restore: (restore) => restore.finish(),
};

export async function mountChat(
  script: FakeScript = {},
  width = 1000,
): Promise<Mounted> {
  await page.viewport(width, 700);
  await defineMarkdown();
  const engine = new FakeEngine(script);
  const chat = document.createElement("rondo-chat");
  chat.style.height = "680px";
  chat.engine = engine;
  chat.model = "models/rondo-tiny/";
  document.body.style.margin = "0";
  document.body.append(chat);
  onTestFinished(() => {
    chat.remove();
    sessionStorage.clear();
    localStorage.clear();
  });
  await settle();
  return { chat, engine };
}

/** The page with this kept chat shown, brought back and ready. */
export async function openKept(
  chat: ChatHistory,
  script: FakeScript = {},
  width?: number,
): Promise<Mounted> {
  const chats = [chat, ...(script.chats ?? [])];
  const mounted = await mountChat({ ...readyAtOnce, ...script, chats }, width);
  mounted.chat.chatId = chat.summary.id;
  await settle();
  return mounted;
}

/** A reply that has begun to the message `text`. */
export async function say(text: string): Promise<void> {
  await box().fill(text);
  await button("Send", true).last().click();
  await settle();
}

/** Drops files on an element. */
export function drop(on: HTMLElement, dropped: readonly File[]): void {
  const dataTransfer = new DataTransfer();
  for (const file of dropped) dataTransfer.items.add(file);
  const options = { dataTransfer, bubbles: true, composed: true };
  on.dispatchEvent(new DragEvent("drop", { ...options, cancelable: true }));
}

/** Until what has happened is painted. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++)
    await new Promise((resolve) => requestAnimationFrame(resolve));
}

/** Chooses from the menu of a listed chat. */
export async function choose(title: string, item: string): Promise<void> {
  await button(`Options for “${title}”`).click({ force: true });
  await settle();
  await button(item, true).click();
  await settle();
}

export const box = () =>
  page.getByRole("textbox", { name: "Message", exact: true });
export const button = (name: string, exact = false) =>
  page.getByRole("button", { name, exact });
export const messages = () => texts("You");
export const replies = () => texts("Rondo");

/** Whether a button can be pressed in vain only. */
export const isDisabled = (button: { element(): Element }) =>
  button.element().getAttribute("aria-disabled") === "true";

/** What a screen reader was last given to say. */
export const announced = () =>
  find("rondo-chat").shadowRoot!.querySelector('[role="status"]')!.textContent;

/** The box's text. */
export function draft(): string {
  const element = box().element();
  return element instanceof HTMLTextAreaElement ? element.value : "";
}

function texts(name: string): string[] {
  return page
    .getByRole("article", { name, exact: true })
    .elements()
    .map(shownText);
}

/** The text of an element and of the elements inside it, as one reads it. */
export function shownText(root: Node): string {
  if (root instanceof Text) return root.data;
  if (root instanceof HTMLStyleElement) return "";
  if (root instanceof Element && root.classList.contains("visually-hidden"))
    return "";
  const inside =
    root instanceof HTMLElement && root.shadowRoot ? root.shadowRoot : root;
  const parts = [...inside.childNodes].map(shownText).join("");
  return root instanceof HTMLElement
    ? parts.replace(/\s+/g, " ").trim()
    : parts;
}

/** Finds an element through all shadow roots; each further selector is looked for inside the last. */
export function find(selector: string, ...inside: string[]): HTMLElement {
  let found: HTMLElement | undefined;
  for (const step of [selector, ...inside]) {
    const root = found?.shadowRoot ?? found ?? document;
    found = findAll(step, root)[0];
    if (found === undefined) throw new Error(`There is no ${step}.`);
  }
  return found!;
}

export function findAll(
  selector: string,
  root: ParentNode = document,
): HTMLElement[] {
  const here = [...root.querySelectorAll<HTMLElement>(selector)];
  const hosts = [...root.querySelectorAll("*")];
  const deeper = hosts.flatMap(({ shadowRoot }) =>
    shadowRoot ? findAll(selector, shadowRoot) : [],
  );
  return [...here, ...deeper];
}

/** What has the focus, through all shadow roots. */
export function focused(): Element | null {
  let active = document.activeElement;
  while (active?.shadowRoot?.activeElement)
    active = active.shadowRoot.activeElement;
  return active;
}
