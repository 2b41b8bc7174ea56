// Replies by a schema through each of the other faces, with the embedded model.
import { generateObject, jsonSchema } from "ai";
import { afterAll, expect, test } from "vitest";
import { rondo } from "../../src/api/ai-sdk";
import { createOpenAI } from "../../src/api/openai";
import { createLanguageModel } from "../../src/api/prompt-api";
import { Engine } from "../../src/engine/engine";
import { sharedGpu } from "../support/shared-gpu";

const engine = new Engine({
  gpu: sharedGpu,
  storeName: `json test ${crypto.randomUUID()}`,
});
const { name } = await engine.load(
  new URL("/models/rondo-tiny/", location.href).href,
);
afterAll(() => engine.close());

const MESSAGE = "My cat is called Miso.";
const SCHEMA = {
  type: "object",
  properties: {
    kind: { enum: ["cat", "dog"] },
    age: { type: "integer", minimum: 1, maximum: 9 },
  },
  required: ["kind", "age"],
  additionalProperties: false,
} as const;

function expectPet(value: unknown): void {
  const { kind, age } = value as { kind: string; age: number };
  expect(["cat", "dog"]).toContain(kind);
  expect(Number.isInteger(age) && age >= 1 && age <= 9).toBe(true);
}

test("the AI SDK's generateObject", async () => {
  const { object, finishReason, warnings } = await generateObject({
    model: rondo(engine),
    schema: jsonSchema(SCHEMA as object),
    prompt: MESSAGE,
    temperature: 1,
    seed: 4,
  });
  expectPet(object);
  expect(finishReason).toBe("stop");
  expect(warnings).toEqual([]);
});

test("OpenAI's response_format", async () => {
  const { chat } = createOpenAI(engine);
  const request = {
    model: name,
    messages: [{ role: "user" as const, content: MESSAGE }],
    temperature: 1,
    seed: 5,
  };
  const made = await chat.completions.create({
    ...request,
    response_format: {
      type: "json_schema",
      json_schema: { name: "pet", strict: true, schema: SCHEMA },
    },
  });
  expectPet(JSON.parse(made.choices[0].message.content!));
  await expect(
    chat.completions.create({
      ...request,
      response_format: {
        type: "json_schema",
        json_schema: { schema: { type: "string", pattern: "a" } },
      },
    }),
  ).rejects.toMatchObject({ status: 400, param: "response_format" });
});

test("the Prompt API's responseConstraint", async () => {
  const session = await createLanguageModel(engine).create();
  const said = await session.prompt(MESSAGE, { responseConstraint: SCHEMA });
  expectPet(JSON.parse(said));
  await expect(
    session.prompt(MESSAGE, { responseConstraint: { pattern: "a" } }),
  ).rejects.toMatchObject({ name: "NotSupportedError" });
});
