import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  failureOf,
  unreachable,
  wordsOf,
} from "../../../src/engine/server/failure";

const asked = { base: "http://localhost:8080/v1", apiKey: undefined };
const withKey = { ...asked, apiKey: "sk-secret" };

describe("what a server says", () => {
  it.each([
    ['{"error":{"message":"No such model."}}', "No such model."],
    ['{"error":"model not found"}', "model not found"],
    ['{"object":"error","message":"bad  \\n thing"}', "bad thing"],
    ['{"detail":[{"loc":["body"]}]}', '[{"loc":["body"]}]'],
    ["<html>nginx</html>", ""],
    ["plain words", "plain words"],
    ["{}", ""],
    ["null", ""],
    ["", ""],
  ])("in %j is %j", (body, words) => {
    expect(wordsOf(body, asked)).toBe(words);
  });

  it("is cut short, and has no key in it", () => {
    const body = `{"error":{"message":"Wrong key sk-secret. ${"x".repeat(999)}"}}`;
    const words = wordsOf(body, withKey);
    expect(words.length).toBeLessThan(310);
    expect(words).toMatch(/^Wrong key …\. x+…$/);
  });
});

describe("a failure says what to do", () => {
  const llamaFull =
    '{"error":{"code":400,"message":"request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it","type":"exceed_context_size_error"}}';
  const vllmFull =
    '{"object":"error","message":"This model\'s maximum context length is 4096 tokens. However, you requested 5000 tokens","code":400}';
  const openAiFull =
    '{"error":{"message":"Too long.","code":"context_length_exceeded"}}';

  it.each([
    [401, "{}", "ServerError", "key", /asks for a key \(401\)\. Give it one/],
    [403, "{}", "ServerError", "key", /asks for a key/],
    [
      404,
      '{"error":"model \\"x\\" not found"}',
      "ServerError",
      "refused",
      /“model "x" not found”\. Check the model's name/,
    ],
    [429, "{}", "ServerError", "busy", /Try again in 20 seconds/],
    [
      503,
      '{"error":{"message":"Loading model"}}',
      "ServerError",
      "busy",
      /“Loading model”\. It may still be loading/,
    ],
    [500, "<html>", "ServerError", "failed", /failed \(500\)\. Its own log/],
    [502, "", "ServerError", "failed", /failed \(502\)/],
    [400, "{}", "ServerError", "refused", /refused the request \(400\)/],
    [400, llamaFull, "ContextFullError", undefined, /larger context/],
    [400, vllmFull, "ContextFullError", undefined, /begin a new chat/],
    [400, openAiFull, "ContextFullError", undefined, /“Too long\.” Start/],
  ] as const)("%i %s", (status, body, name, reason, message) => {
    const error = failureOf(asked, status, body, "20");
    expect(error).toMatchObject({ name, ...(reason && { reason }) });
    expect(error.message).toMatch(message);
    expect(error.message).toContain("localhost:8080");
  });

  it("tells a wrong key from none, and shows neither", () => {
    const body = '{"error":{"message":"Incorrect API key: sk-secret"}}';
    const error = failureOf(withKey, 401, body);
    expect(error.message).toMatch(/refused this key/);
    expect(error.message).not.toContain("sk-secret");
  });
});

describe("no answer", () => {
  const page = (href: string) => new URL(href) as unknown as Location;

  it("is a server that does not run, where nothing answers at all", async () => {
    const base = "http://127.0.0.1:9/v1";
    const error = await unreachable({ ...asked, base }, page("http://a.test"));
    expect(error).toMatchObject({ name: "ServerError", reason: "unreachable" });
    expect(error.message).toMatch(/does not answer\. Is the server running/);
  });

  it("is a server that lets no page ask, where it answers a request without a look", async () => {
    const keys: unknown[] = [];
    const server = createServer((request, response) => {
      keys.push(request.headers.authorization);
      response.end("{}");
    });
    await new Promise<void>((resolve) => server.listen(0, resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const base = `http://127.0.0.1:${port}/v1`;
    const error = await unreachable(
      { base, apiKey: "sk-secret" },
      page("https://chat.test/x"),
    );
    expect(error.message).toMatch(/lets no page of https:\/\/chat\.test read/);
    expect(error.message).toContain("OLLAMA_ORIGINS=https://chat.test");
    expect(keys).toEqual([undefined]);
  });

  it("is the browser's doing, where a secure page asks a plain address", async () => {
    const base = "http://192.168.1.5:8080/v1";
    const error = await unreachable({ ...asked, base }, page("https://a.test"));
    expect(error.message).toMatch(/a page with https may ask no http address/);
  });
});
