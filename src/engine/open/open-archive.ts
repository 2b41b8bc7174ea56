/** What the engine opens once, when it is first asked for anything: where chats are kept, and which are in hand. */
import type { TransferMode } from "../../memory/matrix-group";
import type { Archive } from "../archive/archive";
import type { EngineNotice } from "../api/notice";
import { ChatLocks } from "./chat-lock";
import { Chats } from "./open-chats";
import { Keeper } from "../archive/kv-writer";
import { openArchive } from "../archive/indexeddb-archive";

export interface Shelf {
  archive: Archive;
  chats: Chats;
  keeper: Keeper;
}

export interface ShelfOptions {
  /** The database's name. Default "rondo". */
  storeName?: string;
  /** How KV is stored: packed to int8, or bit for bit as it stands in the pages. Default int8. */
  storeAs?: TransferMode;
}

/** Never rejects: where chats can't be kept, `notify` is told, and none are. */
export async function openShelf(
  { storeName, storeAs }: ShelfOptions,
  notify: (notice: EngineNotice) => void,
): Promise<Shelf> {
  const named = storeName === undefined ? {} : { name: storeName };
  const archive = await openArchive({
    ...named,
    onTrouble: (trouble) => notify({ type: "store-trouble", ...trouble }),
    onChanged: () => notify({ type: "chats-changed" }),
  });
  const locks = new ChatLocks({
    ...named,
    onGranted: (chatId) => notify({ type: "chat-writable", chatId }),
  });
  return {
    archive,
    chats: new Chats(archive, locks),
    keeper: new Keeper(archive, storeAs),
  };
}
