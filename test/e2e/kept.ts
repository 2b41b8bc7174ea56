/** What the page keeps of its chats in IndexedDB, looked at and damaged from outside. */
import type { Page } from "playwright";
import { expect } from "vitest";
import type { SegmentKey } from "../../src/store/database";
import type { RoundRecord } from "../../src/store/rounds";
import type { ChatPage } from "./browser";

const DATABASE = "rondo";

/** Keys of the stored halves of all rounds of a chat. */
export async function segmentKeys(
  { page }: ChatPage,
  chatId: string,
): Promise<SegmentKey[]> {
  const keys = await read<SegmentKey[]>(page, "segments", "getAllKeys");
  return keys.filter(([id]) => id === chatId);
}

/** Waits until both halves of all rounds of the chat that is shown are stored, the system prompt's too. */
export async function allStored(chat: ChatPage): Promise<void> {
  const id = await chat.chatId();
  const halves = 2 * (1 + (await chat.rounds()).length);
  const stored = () => segmentKeys(chat, id);
  await expect.poll(stored, { timeout: 30_000 }).toHaveLength(halves);
}

/** What is kept of a round of the chat that is shown; undefined while there is none. */
export async function keptRound(
  chat: ChatPage,
  roundId: number,
): Promise<RoundRecord | undefined> {
  return read(chat.page, "rounds", "get", [await chat.chatId(), roundId]);
}

/** Changes one bit amid a stored half of a round of the chat that is shown. */
export async function damageSegment(
  chat: ChatPage,
  roundId: number,
  half: SegmentKey[2],
): Promise<void> {
  const key: SegmentKey = [await chat.chatId(), roundId, half];
  await chat.page.evaluate(
    async ([name, key]) => {
      const result = <T>(request: IDBRequest<T>) =>
        new Promise<T>((resolve, reject) => {
          request.onerror = () => reject(request.error!);
          request.onsuccess = () => resolve(request.result);
        });
      const database = await result(indexedDB.open(name));
      const reading = database.transaction("segments").objectStore("segments");
      const segment = (await result(reading.get(key))) as { blob: Blob };
      const bytes = new Uint8Array(await segment.blob.arrayBuffer());
      bytes[bytes.length >> 1]! ^= 1;
      const writing = database.transaction("segments", "readwrite");
      const damaged = { ...segment, blob: new Blob([bytes]) };
      await result(writing.objectStore("segments").put(damaged));
      database.close();
    },
    [DATABASE, key] as const,
  );
}

/** One reading of the page's database. */
function read<T>(
  page: Page,
  storeName: "rounds" | "segments",
  method: "get" | "getAllKeys",
  key?: [chatId: string, roundId: number],
): Promise<T> {
  return page.evaluate(
    ({ name, storeName, method, key }) =>
      new Promise<T>((resolve, reject) => {
        const opening = indexedDB.open(name);
        opening.onerror = () => reject(opening.error!);
        opening.onsuccess = () => {
          const database = opening.result;
          const store = database.transaction(storeName).objectStore(storeName);
          const reading = store[method](key!);
          reading.onerror = () => reject(reading.error!);
          reading.onsuccess = () => resolve(reading.result as T);
          database.close();
        };
      }),
    { name: DATABASE, storeName, method, key },
  );
}
