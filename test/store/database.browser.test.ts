import { openDB } from "idb";
import { expect, onTestFinished, test, vi } from "vitest";
import { Conversations } from "../../src/store/conversations";
import { Database } from "../../src/store/database";
import { asStoreError } from "../../src/store/store-error";
import type { StoreError } from "../../src/util/errors";
import { conversation, openOwn, ownName } from "./fixtures";

test("a transaction that fails midway leaves what was there, also after reopening", async () => {
  const name = ownName();
  const database = await openOwn(name);
  await new Conversations(database).put(conversation("a"));
  const writing = database.run(
    "test",
    ["conversations"],
    "readwrite",
    async (transaction) => {
      const store = transaction.objectStore("conversations");
      await store.put(conversation("a", { title: "Torn" }));
      await store.put(conversation("b"));
      throw new Error("power cut");
    },
  );
  await expect(writing).rejects.toMatchObject({
    name: "StoreError",
    reason: "failed",
  });
  database.close();

  const again = new Conversations(await openOwn(name));
  expect(await again.list()).toEqual({
    records: [conversation("a")],
    dropped: 0,
  });
});

test("two connections see what the other wrote", async () => {
  const name = ownName();
  const one = new Conversations(await openOwn(name));
  const other = new Conversations(await openOwn(name));
  await one.put(conversation("a"));
  expect(await other.get("a")).toEqual(conversation("a"));
  await other.delete("a");
  expect(await one.get("a")).toBeUndefined();
});

test("steps aside for a newer version in another tab, and says so", async () => {
  const name = ownName();
  const told: StoreError[] = [];
  const database = await openOwn(name, { onClosed: (why) => told.push(why) });
  const newer = await openDB(name, 2);
  newer.close();
  expect(told).toHaveLength(1);
  expect(told[0]!.message).toContain("Reload");
  await expect(new Conversations(database).list()).rejects.toMatchObject({
    reason: "closed",
  });
});

test("says that another tab holds an older version open", async () => {
  const name = ownName();
  const older = await openDB(name, 1);
  await expect(Database.open({ name, version: 2 })).rejects.toMatchObject({
    reason: "blocked",
  });
  older.close();
});

test("does not open a database of a newer version", async () => {
  const name = ownName();
  (await openDB(name, 5)).close();
  await expect(Database.open({ name })).rejects.toMatchObject({
    reason: "outdated",
  });
});

test("refuses to work once it is closed", async () => {
  const database = await openOwn();
  database.close();
  await expect(new Conversations(database).list()).rejects.toMatchObject({
    reason: "closed",
  });
});

test.each([
  ["QuotaExceededError", "quota"],
  ["VersionError", "outdated"],
  ["InvalidStateError", "closed"],
  ["SecurityError", "unavailable"],
  ["DataCloneError", "failed"],
])("a %s becomes a StoreError with reason %s", (name, reason) => {
  const cause = new DOMException("detail", name);
  const error = asStoreError(cause, "save a round");
  expect(error).toMatchObject({ name: "StoreError", reason, cause });
  expect(error.message).toMatch(/^Could not save a round: /);
  expect(asStoreError(error, "do more")).toBe(error);
});

test("storage that refuses at once is told apart from a failure", async () => {
  vi.spyOn(IDBFactory.prototype, "open").mockImplementation(() => {
    throw new DOMException("The operation is insecure.", "SecurityError");
  });
  onTestFinished(() => void vi.restoreAllMocks());
  await expect(Database.open({ name: ownName() })).rejects.toMatchObject({
    name: "StoreError",
    reason: "unavailable",
  });
});
