import { describe, expect, it, vi } from "vitest";
import { offeredModel } from "../../../../src/ui/state/models/offered-model";
import { fakeModel } from "../../../support/fake-calls";

vi.stubGlobal("document", { baseURI: "https://rondo.example/" });

const GB = 2 ** 30;
const device = (bytesPerSecond?: number, bindingBytes = 2 * GB) => ({
  ...fakeModel.device,
  bindingBytes,
  bytesPerSecond,
});
const nameFor = (...args: Parameters<typeof offeredModel>) =>
  offeredModel(...args)?.name;

describe("the model that a newcomer is offered", () => {
  it.each([
    ["a gaming PC", 400e9, 8, "Qwen2.5 1.5B"],
    ["a laptop", 40e9, 8, "Qwen2.5 1.5B"],
    ["an old laptop", 16e9, 8, "Llama 3.2 1B"],
    ["a phone", 16e9, 4, "Llama 3.2 1B"],
    ["a small phone", 16e9, 2, "Qwen2.5 0.5B"],
    ["a slow GPU", 10e9, 8, "Qwen2.5 0.5B"],
    ["a very slow GPU", 1e9, 8, undefined],
    ["a GPU whose speed is not known", undefined, 8, "Qwen2.5 0.5B"],
    ["a browser that hides the memory", 400e9, undefined, "Qwen2.5 1.5B"],
  ])("suits %s", (_, speed, gigabytes, name) => {
    expect(nameFor(device(speed), gigabytes && gigabytes * GB)).toBe(name);
  });

  it("is none where a CPU emulates the GPU, or a GPU binds too little", () => {
    const emulated = { ...device(400e9), isSoftware: true };
    expect(offeredModel(emulated, 8 * GB)).toBeUndefined();
    expect(offeredModel(device(400e9, 64 << 20), 8 * GB)).toBeUndefined();
  });

  it("comes with its size, and what it can do how fast", () => {
    expect(offeredModel(device(100e9), undefined)).toMatchObject({
      id: expect.stringMatching(/^Qwen\//) as string,
      downloadBytes: 1070e6,
      goodFor: expect.stringContaining("languages") as string,
      wordsPerSecond: expect.closeTo(35, 0) as number,
    });
  });
});
