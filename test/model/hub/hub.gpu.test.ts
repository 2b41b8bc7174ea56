// What a real browser sends to the hub and on to where large files lie.
import { expect, inject, test } from "vitest";
import { Hub } from "../../../src/model/hub/hub";
import type { HubRequest } from "../../support/fake-hub";

const url = inject("hubUrl");

/** What was asked for since. */
async function requests(): Promise<HubRequest[]> {
  return (await (await fetch(`${url}/requests`)).json()) as HubRequest[];
}

test("a token reaches the hub, which is asked for leave first, and no other origin", async () => {
  await requests();
  const hub = new Hub({ url, token: "hf_secret" });
  const range = { start: 5, end: 10 };
  const { chunks } = await hub.open("rondo/tiny", "model.safetensors", range);
  for await (const bytes of chunks) expect(bytes).toHaveLength(5);
  const seen = (await requests()).map(({ from, method, headers }) => ({
    from,
    method,
    token: headers.authorization,
  }));
  expect(seen).toEqual([
    { from: "hub", method: "OPTIONS", token: undefined },
    { from: "hub", method: "GET", token: "Bearer hf_secret" },
    { from: "cdn", method: "GET", token: undefined },
  ]);
});
