import { expect, test } from "vitest";
import { TaskQueue } from "../../src/util/task-queue";

test("one task at a time, in order, whatever becomes of those before", async () => {
  const queue = new TaskQueue();
  const log: string[] = [];
  const task = (name: string, ms: number, fails = false) =>
    queue.run(async () => {
      log.push(`${name} starts`);
      await new Promise((resolve) => setTimeout(resolve, ms));
      log.push(`${name} ends`);
      if (fails) throw new Error(name);
    });
  const slow = task("slow", 20);
  const failing = task("failing", 5, true);
  const quick = task("quick", 0);
  await expect(failing).rejects.toThrow("failing");
  await Promise.all([slow, quick]);
  expect(log).toEqual([
    "slow starts",
    "slow ends",
    "failing starts",
    "failing ends",
    "quick starts",
    "quick ends",
  ]);
});

test("says whether somebody waits for the task that runs", async () => {
  const queue = new TaskQueue();
  const leave = await queue.enter();
  expect(queue.hasWaiting).toBe(false);
  const next = queue.run(() => Promise.resolve(queue.hasWaiting));
  expect(queue.hasWaiting).toBe(true);
  leave();
  expect(await next).toBe(false);
});

test("whoever has time is waited for by nobody, and still comes in turn", async () => {
  const queue = new TaskQueue();
  const leave = await queue.enter();
  const idle = queue.run(() => Promise.resolve(queue.hasWaiting), true);
  expect(queue.hasWaiting).toBe(false);
  const next = queue.run(() => Promise.resolve("next"));
  expect(queue.hasWaiting).toBe(true);
  leave();
  expect(await idle).toBe(true);
  expect(await next).toBe("next");
});

test("what is to be checked after each task is checked before the next one begins", async () => {
  const log: string[] = [];
  const queue = new TaskQueue(() => void log.push("checked"));
  const task = async (name: string) => void log.push(name);
  const failing = queue.run(() => Promise.reject(new Error("failing")));
  const quick = queue.run(() => task("quick"));
  const idle = queue.run(() => task("idle"), true);
  await expect(failing).rejects.toThrow("failing");
  await Promise.all([quick, idle]);
  expect(log).toEqual(["checked", "quick", "checked", "idle", "checked"]);
});
