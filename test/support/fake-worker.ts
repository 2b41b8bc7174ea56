/** An engine whose worker is in the test's hands. */
import type { Request, Response } from "../../src/engine/worker/protocol";
import { RemoteEngine } from "../../src/engine/worker/remote-engine";

/** What is posted either way is cloned, as it is between threads. */
export class FakeWorker extends EventTarget {
  readonly requests: Request[] = [];
  isStopped = false;

  postMessage(request: Request): void {
    this.requests.push(structuredClone(request));
  }

  terminate(): void {
    this.isStopped = true;
  }

  answer(response: Response): void {
    const data: unknown = structuredClone(response);
    this.dispatchEvent(new MessageEvent("message", { data }));
  }

  stop(): void {
    this.dispatchEvent(new ErrorEvent("error", { message: "out of luck" }));
  }
}

export function remote(): { engine: RemoteEngine; workers: FakeWorker[] } {
  const workers: FakeWorker[] = [];
  const engine = new RemoteEngine(() => {
    workers.push(new FakeWorker());
    return workers.at(-1) as unknown as Worker;
  });
  return { engine, workers };
}

/** The id of the last call, to answer it by. */
export function lastId({ requests }: FakeWorker): number {
  const last = requests.at(-1)!;
  if (last.call === "ping") throw new Error("the last request was a ping");
  return last.id;
}
