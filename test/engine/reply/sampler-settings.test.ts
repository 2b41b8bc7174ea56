import { expect, test } from "vitest";
import { samplerSettings } from "../../../src/engine/reply/sampler-settings";

test("a caller's wishes go before the model's, and those before the defaults", () => {
  const settings = samplerSettings(
    { temperature: 0.5, topK: 20 },
    { topK: 3, temperature: undefined },
  );
  expect(settings).toMatchObject({
    temperature: 0.5,
    topK: 3,
    topP: 0.9,
    minP: 0,
    repetitionPenalty: 1,
  });
});

test("every reply draws its own seed unless one is given", () => {
  expect(samplerSettings({}).seed).not.toBe(samplerSettings({}).seed);
  expect(samplerSettings({}, { seed: 4 }).seed).toBe(4);
});

test.each([
  ["temperature", -1],
  ["temperature", NaN],
  ["topP", 0],
  ["topP", 1.1],
  ["minP", -0.1],
  ["topK", -1],
  ["repetitionPenalty", 0],
  ["presencePenalty", 2.1],
  ["frequencyPenalty", -2.1],
  ["seed", 2 ** 32],
] as const)("%s = %d is refused by name", (name, value) => {
  expect(() => samplerSettings({}, { [name]: value })).toThrow(
    `sampler.${name} must be between`,
  );
});
