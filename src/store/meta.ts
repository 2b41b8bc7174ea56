/** Values beside chats, by name; their readers check their shape. */
import type { Database } from "./database";

export class Meta {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The value, unchecked; undefined if there is none. @throws StoreError */
  get(name: string): Promise<unknown> {
    return this.#database.run(
      "read saved data",
      ["meta"],
      "readonly",
      (transaction) => transaction.objectStore("meta").get(name),
    );
  }

  /** @throws StoreError */
  async put(name: string, value: unknown): Promise<void> {
    await this.#database.run(
      "save data",
      ["meta"],
      "readwrite",
      (transaction) => transaction.objectStore("meta").put(value, name),
    );
  }
}
