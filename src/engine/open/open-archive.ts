/** The archive, its writers and the open chats; opened lazily, once per engine. */
import type { TransferMode } from "../../memory/matrix-group";
import type { EngineNotice } from "../api/notice";
import type { Archive } from "../archive/archive";
import { openArchive } from "../archive/indexeddb-archive";
import { KvWriter } from "../archive/kv-writer";
import { type ModelLabel, TextWriter } from "../archive/text-writer";
import { ChatLocks } from "./chat-lock";
import { OpenChats } from "./open-chats";

export interface ChatStores {
  archive: Archive;
  text: TextWriter;
  kv: KvWriter;
  chats: OpenChats;
}

export interface ChatStoreOptions {
  /** The database's name. Default "rondo". */
  storeName?: string;
  /** How KV is stored: packed to int8, or bit for bit as in the pages. Default int8. */
  storeAs?: TransferMode;
  /** How the archive is opened. Default: in IndexedDB. */
  openArchive?: typeof openArchive;
}

/**
 * Never rejects: if chats can't be stored, it calls `notify` and nothing is stored.
 *
 * @param model the model in use
 */
export async function openChatStores(
  options: ChatStoreOptions,
  model: () => ModelLabel,
  notify: (notice: EngineNotice) => void,
): Promise<ChatStores> {
  const { storeName, storeAs } = options;
  const open = options.openArchive ?? openArchive;
  const named = storeName === undefined ? {} : { name: storeName };
  const archive = await open({
    ...named,
    onWarning: (trouble) => notify({ type: "store-trouble", ...trouble }),
    onChanged: () => notify({ type: "chats-changed" }),
  });
  const locks = new ChatLocks({
    ...named,
    onGranted: (chatId) => notify({ type: "chat-writable", chatId }),
  });
  const text = new TextWriter(archive, model);
  const chats = new OpenChats(archive, text, locks);
  return { archive, text, chats, kv: new KvWriter(archive, text, storeAs) };
}
