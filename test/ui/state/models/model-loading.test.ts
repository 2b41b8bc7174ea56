// What is noted of a load, for the page after one that did not outlive it.
import { beforeEach, expect, test, vi } from "vitest";
import type { ChatEngine } from "../../../../src/engine/api/chat-engine";
import { ModelLoading } from "../../../../src/ui/state/models/model-loading";
import { endsPages } from "../../../../src/ui/state/models/remembered-model";
import { FakeLoad } from "../../../support/fake-calls";

const values = new Map<string, string>();
beforeEach(() => {
  values.clear();
  vi.stubGlobal("localStorage", {
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => values.set(key, value),
    removeItem: (key: string) => values.delete(key),
  });
});

/** A page, and an engine that takes its time to end what was aborted. */
function newPage() {
  const loads: FakeLoad[] = [];
  const engine: Pick<ChatEngine, "load"> = {
    load(source, { signal: _, ...options } = {}) {
      const load = new FakeLoad(source, options);
      loads.push(load);
      return load.outcome;
    },
  };
  const host = { left() {}, redraw() {}, entered() {}, failed() {} };
  const loading = new ModelLoading(host);
  const begin = (source: string) => {
    void loading.load(engine as ChatEngine, { source, options: {} });
    return loads.at(-1)!;
  };
  return { loading, begin };
}

const settled = () => new Promise((resolve) => setTimeout(resolve));
const aborted = new DOMException("aborted", "AbortError");

/** A page that ends while one model, which took the place of another, is on its way to the GPU. */
async function endWithReplacement() {
  const { begin } = newPage();
  const first = begin("first");
  first.weights(1, 2);
  const second = begin("second");
  second.weights(1, 2);
  first.fail(aborted);
  await settled();
}

test("a load that took the place of another counts as what ended the page, and once", async () => {
  await endWithReplacement();
  expect(endsPages()).toBe(false);
  await endWithReplacement();
  expect(endsPages()).toBe(true);
});

test("a load that was replaced on its way to the GPU has not ended the page while the other is fetched", async () => {
  for (let page = 0; page < 3; page++) {
    const { begin } = newPage();
    const first = begin("first");
    first.weights(1, 2);
    begin("second").download(1, 2);
    first.fail(aborted);
    await settled();
  }
  expect(endsPages()).toBe(false);
});

test("a load that is paused, fails or ends has not ended the page", async () => {
  const ends: ((page: ReturnType<typeof newPage>, load: FakeLoad) => void)[] = [
    ({ loading }, load) => {
      loading.pause();
      load.fail(aborted);
    },
    ({ loading }, load) => {
      loading.giveUp();
      load.fail(aborted);
    },
    (_, load) => load.fail(new Error("no room")),
    (_, load) => load.finish(),
  ];
  for (const end of [...ends, ...ends]) {
    const page = newPage();
    const load = page.begin("model");
    load.weights(1, 2);
    end(page, load);
    await settled();
    expect(values.size).toBe(0);
  }
});
