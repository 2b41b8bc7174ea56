/** `npm start` as a person uses it: a process, its terminal, an address, Ctrl-C. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";

// Where there is no current build, starting makes one first.
const timeoutMs = 120_000;

let child: ChildProcess | undefined;
afterEach(() => child?.kill("SIGKILL"));

describe("npm start", () => {
  it(
    "serves the page on another port where the port is in use, and ends with code 0 on Ctrl-C",
    async () => {
      const neighbour = createServer((_, response) => response.end("taken"));
      await once(neighbour.listen(0, "localhost"), "listening");
      const { port: taken } = neighbour.address() as AddressInfo;

      const { address, said } = await start(["--port", String(taken)]);
      expect(Number(new URL(address).port)).not.toBe(taken);
      expect(said).toContain(`Port ${taken} is in use`);
      const page = await fetch(address);
      expect(page.status).toBe(200);
      expect(await page.text()).toContain("<title>Rondo</title>");

      const ended = once(child!, "exit");
      child!.kill("SIGINT");
      expect(await ended).toEqual([0, null]);
      neighbour.close();
    },
    timeoutMs,
  );

  it(
    "says which port it wants where it is given something else",
    async () => {
      await expect(start(["--port", "http"])).rejects.toThrow(
        "--port wants a number up to 65535, and got http.",
      );
      expect(child!.exitCode).toBe(1);
    },
    timeoutMs,
  );
});

/** Starts the server and waits until it has said where it is. */
function start(args: string[]) {
  // The build must be the one a person gets, not one for tests.
  const { NODE_ENV: _, VITEST: __, ...env } = process.env;
  const server = spawn(
    process.execPath,
    ["tools/start.mjs", "--no-open", ...args],
    {
      env,
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  child = server;
  let said = "";
  return new Promise<{ address: string; said: string }>((resolve, reject) => {
    const hear = (text: Buffer) => {
      said += text.toString();
      const address = /Rondo is at (\S+)\n/.exec(said)?.[1];
      if (address !== undefined) resolve({ address, said });
    };
    server.stdout.on("data", hear);
    server.stderr.on("data", hear);
    server.on("close", () => reject(new Error(`It ended, saying: ${said}`)));
  });
}
