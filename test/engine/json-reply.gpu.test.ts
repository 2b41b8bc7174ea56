// Replies held to a schema, on the embedded model: it was never taught to write JSON.
import { Validator } from "@cfworker/json-schema";
import { afterAll, describe, expect, test } from "vitest";
import { Engine } from "../../src/engine/engine";
import type { ReplyOptions } from "../../src/engine/api/replies";
import { SchemaError } from "../../src/util/errors";
import { GREEDY, say } from "../support/say";
import { sharedGpu } from "../support/shared-gpu";

const engine = new Engine({
  gpu: sharedGpu,
  network: { kvFormat: "f32" },
  storeName: `json reply test ${crypto.randomUUID()}`,
});
await engine.load(new URL("/models/rondo-tiny/", location.href).href);
afterAll(() => engine.close());

async function reply(options: ReplyOptions) {
  const chat = await engine.createChat();
  return {
    chat,
    ...(await say(engine, chat, "My cat is called Miso.", options)),
  };
}

const PET = {
  type: "object",
  properties: {
    kind: { enum: ["cat", "dog", "hamster"] },
    name: { type: "string", maxLength: 12 },
    age: { type: "integer", minimum: 0, maximum: 30 },
    tags: {
      type: "array",
      items: { type: "string", maxLength: 6 },
      maxItems: 2,
    },
    owner: { anyOf: [{ type: "null" }, { $ref: "#/$defs/person" }] },
  },
  required: ["kind", "name", "age", "tags", "owner"],
  additionalProperties: false,
  $defs: {
    person: {
      type: "object",
      properties: { city: { const: "Łódź 東京 😀" } },
      required: ["city"],
      additionalProperties: false,
    },
  },
};

describe("a reply with a schema", () => {
  test.each([0, 1.5])(
    "is valid by it, at temperature %f",
    async (temperature) => {
      const validator = new Validator(PET as object, "2020-12");
      for (let seed = 1; seed <= 6; seed++) {
        const { text, receipt } = await reply({
          responseFormat: { schema: PET },
          sampler: { temperature, topP: 1, seed },
          maxTokens: 400,
        });
        expect(receipt.finishReason).toBe("stop");
        const value = JSON.parse(text) as unknown;
        expect(validator.validate(value).errors).toEqual([]);
      }
    },
  );

  test("is a valid beginning where it is cut", async () => {
    const { text, receipt } = await reply({
      ...GREEDY,
      responseFormat: { schema: PET },
      maxTokens: 9,
    });
    expect(receipt).toMatchObject({ finishReason: "length", replyTokens: 9 });
    expect('{"kind": "cat", "name": "'.startsWith(text.slice(0, 9))).toBe(true);
  });

  test("goes on as any other chat, and its KV is what the text says", async () => {
    const { chat } = await reply({
      ...GREEDY,
      responseFormat: { schema: PET },
    });
    const next = await say(engine, chat, "What is my cat called?");
    expect(next.text).toContain("Miso");
    const [first] = (await engine.openChat(chat)).rounds;
    const report = await engine.verify(chat, first!.id);
    expect(report.reuse.maxKl).toBeLessThan(1e-4);
  });

  test("as no more than an object is one", async () => {
    const { text } = await reply({
      responseFormat: "json",
      sampler: { temperature: 1, seed: 3 },
      maxTokens: 300,
    });
    expect(text.startsWith("{")).toBe(true);
  });

  test("that no reply can be held to is refused by name, before the message is stored", async () => {
    const chat = await engine.createChat();
    const schema = { type: "string", pattern: "a+" };
    await expect(
      say(engine, chat, "Hi", { responseFormat: { schema } }),
    ).rejects.toThrow(SchemaError);
    await expect(
      say(engine, chat, "Hi", { responseFormat: { schema } }),
    ).rejects.toThrow("pattern");
    expect((await engine.listChats()).map(({ id }) => id)).not.toContain(chat);
  });
});
