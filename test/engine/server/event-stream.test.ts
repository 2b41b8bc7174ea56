import { expect, test } from "vitest";
import { eventData } from "../../../src/engine/server/event-stream";

function streamOf(parts: readonly (string | Uint8Array)[]) {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      for (const part of parts)
        controller.enqueue(
          typeof part === "string" ? new TextEncoder().encode(part) : part,
        );
      controller.close();
    },
  });
}

async function read(...parts: (string | Uint8Array)[]): Promise<string[]> {
  const found: string[] = [];
  for await (const data of eventData(streamOf(parts))) found.push(data);
  return found;
}

test("each event's data comes whole, however the bytes are cut", async () => {
  const text = 'data: {"a":"é😀"}\n\ndata: two\r\n\r\ndata:three\n\n';
  const bytes = new TextEncoder().encode(text);
  const expected = ['{"a":"é😀"}', "two", "three"];
  expect(await read(text)).toEqual(expected);
  for (const size of [1, 2, 3, 7]) {
    const parts = [];
    for (let at = 0; at < bytes.length; at += size)
      parts.push(bytes.slice(at, at + size));
    expect(await read(...parts), `parts of ${size}`).toEqual(expected);
  }
});

test("comments and other fields are left out, lines of one event are joined", async () => {
  expect(
    await read(
      ": keep-alive\n\nevent: message\nid: 1\ndata: a\ndata: b\n\ndatabase: x\n\n",
    ),
  ).toEqual(["a\nb"]);
});

test("a last event without an empty line counts", async () => {
  expect(await read("data: a\n\ndata: [DONE]")).toEqual(["a", "[DONE]"]);
});

test("an event without an end is refused before it fills the memory", async () => {
  const part = "x".repeat(1 << 20);
  const endless = Array.from({ length: 20 }, () => part);
  await expect(read("data: ", ...endless)).rejects.toMatchObject({
    name: "ServerError",
    reason: "reply",
  });
  const lines = Array.from({ length: 20 }, () => `data: ${part}\n`);
  await expect(read(...lines)).rejects.toMatchObject({ reason: "reply" });
});
