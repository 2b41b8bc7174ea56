// How an engine in a worker ends: it is closed, or its worker answers no more.
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { lastId, remote } from "../../support/fake-worker";

describe("Closing", () => {
  test("ends the worker, whatever that says to it", async () => {
    const { engine, workers } = remote();
    engine.onNotice(() => undefined);
    const closing = engine.close();
    const error = { name: "Error", message: "The disk is gone." };
    workers[0]!.answer({ id: lastId(workers[0]!), type: "error", error });
    await expect(closing).rejects.toThrow("The disk is gone.");
    expect(engine.isClosed).toBe(true);
    expect(workers[0]!.isStopped).toBe(true);
    await expect(async () => engine.listChats()).rejects.toThrow("closed");
    expect(workers).toHaveLength(1);
  });

  test("twice at once is closing once", async () => {
    const { engine, workers } = remote();
    engine.onNotice(() => undefined);
    const both = [engine.close(), engine.close()];
    expect(workers[0]!.requests).toHaveLength(1);
    const id = lastId(workers[0]!);
    workers[0]!.answer({ id, type: "result", result: undefined });
    await Promise.all(both);
    await engine.close();
    expect(engine.isClosed).toBe(true);
  });

  test("fails the calls that are open, and needs no worker where there is none", async () => {
    const { engine, workers } = remote();
    const call = engine.listChats();
    const closing = engine.close();
    const id = lastId(workers[0]!);
    workers[0]!.answer({ id, type: "result", result: undefined });
    await closing;
    await expect(call).rejects.toThrow("The engine is closed.");

    const idle = remote();
    await idle.engine.close();
    expect(idle.workers).toHaveLength(0);
  });
});

test("An address that is none rejects, rather than throwing at once", async () => {
  const { engine } = remote();
  for (const call of [
    engine.load("http://[bad"),
    engine.planModel("http://[bad"),
    engine.load("org/name", { hubUrl: "http://[bad" }),
  ])
    await expect(call).rejects.toThrow('"http://[bad" is not an address.');
  await engine.close();
});

describe("A worker that is kept busy for ever", () => {
  function timed() {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    return remote();
  }

  test("is ended after a minute, and the next call has another one", async () => {
    const { engine, workers } = timed();
    const call = engine.load("https://models.example/endless-template/");
    const outcome = expect(call).rejects.toThrow("did not respond");
    await vi.advanceTimersByTimeAsync(50_000);
    expect(workers[0]!.isStopped).toBe(false);
    await vi.advanceTimersByTimeAsync(30_000);
    await outcome;
    expect(workers[0]!.isStopped).toBe(true);
    const next = engine.listChats();
    expect(workers).toHaveLength(2);
    const id = lastId(workers[1]!);
    workers[1]!.answer({ id, type: "result", result: [] });
    expect(await next).toEqual([]);
  });

  test("is not one that answers, however long a call takes, nor one that has nothing to do", async () => {
    const { engine, workers } = timed();
    engine.onNotice(() => undefined);
    const [worker] = workers;
    await vi.advanceTimersByTimeAsync(600_000);
    expect(worker!.requests).toEqual([]);

    const call = engine.listChats();
    const id = lastId(worker!);
    for (let i = 0; i < 20; i++) {
      await vi.advanceTimersByTimeAsync(50_000);
      worker!.answer({ type: "pong" });
    }
    worker!.answer({ id, type: "result", result: [] });
    expect(await call).toEqual([]);
    expect(worker!.isStopped).toBe(false);
    const asked = worker!.requests.length;
    await vi.advanceTimersByTimeAsync(600_000);
    expect(worker!.requests).toHaveLength(asked);
  });
});
