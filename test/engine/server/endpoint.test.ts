import { describe, expect, it } from "vitest";
import { apiBase, serverRoot } from "../../../src/engine/server/endpoint";

describe("the address of an API", () => {
  it.each([
    ["http://localhost:8080/v1", "http://localhost:8080/v1"],
    ["http://localhost:8080/v1/", "http://localhost:8080/v1"],
    ["http://localhost:8080", "http://localhost:8080/v1"],
    ["https://host/api/openai/", "https://host/api/openai"],
    ["http://host:1/v1/chat/completions", "http://host:1/v1"],
    ["http://host:1/v1/models?a=b#c", "http://host:1/v1"],
  ])("%s is %s", (given, base) => {
    expect(apiBase(given)).toBe(base);
  });

  it.each(["localhost:8080", "ftp://host", "/v1", ""])(
    "%j is none, and says what one looks like",
    (given) => {
      expect(() => apiBase(given)).toThrow(/http:\/\/localhost:8080\/v1/);
    },
  );

  it("has no password, and shows none", () => {
    const act = () => apiBase("http://me:secret@host/v1");
    expect(act).toThrow(/give a key instead/);
    expect(act).not.toThrow(/secret/);
  });

  it("lies below the server itself", () => {
    expect(serverRoot("http://h:1/v1")).toBe("http://h:1");
    expect(serverRoot("http://h:1/llama/v1")).toBe("http://h:1/llama");
  });
});
