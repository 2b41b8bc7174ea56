/** The worker that holds the engine: takes calls, streams events, gives results, passes notices on. */
import type { ChatEngine } from "../api/chat-engine";
import { Engine } from "../engine";
import type { Calls, CallName, Request, Response } from "./protocol";
import { toWire } from "./wire-error";

const engine: ChatEngine = new Engine();
const running = new Map<number, AbortController>();

engine.onNotice((notice) => post({ type: "notice", notice }));

addEventListener("message", ({ data }: MessageEvent<Request>) => {
  if (data.call === "abort")
    running
      .get(data.id)
      ?.abort(new DOMException("The caller aborted.", "AbortError"));
  else void answer(data);
});

async function answer(
  request: Exclude<Request, { call: "abort" }>,
): Promise<void> {
  const { id } = request;
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const result = await perform(request, controller.signal, (event) =>
      post({ id, type: "event", event }),
    );
    post({ id, type: "result", result });
  } catch (error) {
    post({ id, type: "error", error: toWire(error) });
  } finally {
    running.delete(id);
  }
}

async function perform(
  request: Exclude<Request, { call: "abort" }>,
  signal: AbortSignal,
  onEvent: (event: Calls[CallName]["event"]) => void,
): Promise<Calls[CallName]["result"]> {
  switch (request.call) {
    case "load": {
      const [source, options] = request.args;
      return engine.load(source, { ...options, onProgress: onEvent, signal });
    }
    case "planModel": {
      const [source, options] = request.args;
      return engine.planModel(source, { ...options, signal });
    }
    case "listModels":
      return engine.listModels();
    case "deleteModel":
      return engine.deleteModel(...request.args);
    case "listChats":
      return engine.listChats();
    case "searchChats":
      return engine.searchChats(...request.args, { signal });
    case "createChat":
      return engine.createChat(...request.args);
    case "openChat":
      return engine.openChat(...request.args);
    case "leaveChat":
      return engine.leaveChat(...request.args);
    case "restoreChat": {
      const [chatId] = request.args;
      return engine.restoreChat(chatId, { onProgress: onEvent, signal });
    }
    case "renameChat":
      return engine.renameChat(...request.args);
    case "deleteChat":
      return engine.deleteChat(...request.args);
    case "exportChat":
      return engine.exportChat(...request.args);
    case "importChat":
      return engine.importChat(...request.args);
    case "chat": {
      const [chatId, message, options] = request.args;
      for await (const event of engine.chat(chatId, message, {
        ...options,
        signal,
      }))
        onEvent(event);
      return;
    }
    case "showVersion":
      return engine.showVersion(...request.args);
    case "deleteRound":
      return engine.deleteRound(...request.args);
    case "moveRound":
      return engine.moveRound(...request.args);
    case "setSystem":
      return engine.setSystem(...request.args);
    case "attach": {
      const [chatId, document] = request.args;
      const options = { onProgress: onEvent, signal };
      return engine.attach(chatId, document, options);
    }
    case "setHealing":
      return engine.setHealing(...request.args);
    case "memory":
      return engine.memory(...request.args);
    case "verify": {
      const [chatId, roundId] = request.args;
      const options = { onProgress: onEvent, signal };
      return engine.verify(chatId, roundId, options);
    }
    case "pinRound":
      return engine.pinRound(...request.args);
    case "evictRound":
      return engine.evictRound(...request.args);
    case "wipeKv":
      return engine.wipeKv(...request.args);
    case "close":
      return engine.close();
    default:
      request satisfies never;
  }
}

function post(response: Response): void {
  postMessage(response);
}
