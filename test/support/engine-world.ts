/**
 * An engine in a page of its own, without a GPU, over a slow disk; what its chats must be; and the comparison of
 * the two. Pages come and go: `reload` and `crash` make a new one over what the disk has.
 */
import { openDB } from "idb";
import { expect, onTestFinished, vi } from "vitest";
import type { ChatHistory } from "../../src/engine/api/chats";
import type { EngineNotice } from "../../src/engine/api/notice";
import type { BoundChat } from "../../src/engine/chat/bound-chat";
import { contentOf, contextsOf } from "../../src/engine/chat/context-hash";
import { Engine } from "../../src/engine/engine";
import type { LoadedModel } from "../../src/engine/load/loaded-model";
import { OpenChats } from "../../src/engine/open/open-chats";
import type { KvOrigin } from "../../src/memory/half-kv";
import { pagesFor } from "../../src/memory/page-pool";
import type { ModelFiles } from "../../src/model/files/model-files";
import { ChatTemplate } from "../../src/model/text/chat-template";
import { Tokenizer } from "../../src/model/text/tokenizer";
import { HALVES, type Half } from "../../src/util/kv-half";
import { KeyedQueue } from "../../src/util/keyed-queue";
import { TaskQueue } from "../../src/util/task-queue";
import { ownName } from "../store/fixtures";
import { PlainChat, type PlainView } from "./engine-model";
import { nextTurn } from "./event-loop";
import { type FakeModel, fakeLoadedModel } from "./fake-loaded-model";
import { exactValues, pageValues } from "./fake-network";
import { packedValues } from "./fake-transfer";
import { seededRandom } from "./random";
import { type SlowDisk, slowDisk } from "./slow-disk";

/** By their addresses: one, one with the same tokens and other KV, and one that is other in all. */
const MODELS: Record<string, FakeModel> = {
  "/models/one/": { salt: 1, textFingerprint: "text" },
  "/models/two/": { salt: 2, textFingerprint: "text" },
  "/models/three/": { salt: 3, textFingerprint: "other text" },
};
export const MODEL_URLS = Object.keys(MODELS);

/** What came of a page's tasks. */
class Page {
  readonly notices: EngineNotice[] = [];
  /** Chats as the loaded model reads them. */
  readonly bound = new Map<string, BoundChat>();
  /** Chats that this page may write. */
  readonly open = new Set<string>();
  loaded: LoadedModel | undefined;
  /** Tasks that are under way, or wait. */
  tasks = 0;
}

export class World {
  readonly random: () => number;
  readonly disk: SlowDisk;
  readonly chats = new Map<string, PlainChat>();
  /** Chats of which the disk may have less than the page, for it refused something. */
  readonly behind = new Set<string>();
  /** What was ever said in a chat, by its id: more than is in it. */
  readonly said = new Map<string, Set<string>>();
  page = new Page();
  engine!: Engine;
  /** What was wrong with the pages that passes have used. */
  readonly faults: string[] = [];
  readonly #name = ownName();
  readonly #limits: { lower: number; upper: number };
  /** All tokens before a round, by the name of its context; and a round's, by their hash. */
  readonly #before = new Map<string, number[]>();
  readonly #tokens = new Map<string, number[]>();
  readonly #named = new Set<string>();

  constructor(seed: number) {
    this.random = seededRandom(seed);
    this.#limits = { lower: 100, upper: this.random() < 0.5 ? 100 : 24 };
    this.disk = slowDisk(seededRandom(seed + 1));
    this.#watch();
    onTestFinished(() => {
      // Whatever it hangs on.
      this.disk.crash();
      void this.engine.close();
    });
  }

  /** A page over what the disk has. */
  begin(): void {
    const page = new Page();
    this.page = page;
    this.engine = new Engine({
      storeName: this.#name,
      storeAs: "raw",
      openFiles: (name) => ({ name }) as ModelFiles,
      openModel: async ({ name }) => {
        const { tokenizer, template } = await text();
        page.loaded = fakeLoadedModel(MODELS[name]!, {
          tokenizer,
          template,
          random: this.random,
          limits: this.#limits,
          onFault: (fault) => this.faults.push(fault),
        });
        return page.loaded;
      },
    });
    this.engine.onNotice((notice) => page.notices.push(notice));
  }

  /** Waits until nothing is under way, for a few turns of the event loop. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 3;) {
      await nextTurn();
      quiet = this.page.tasks === 0 ? quiet + 1 : 0;
    }
  }

  /** The page is closed as it should be, and opened again. */
  async reload(touched: ReadonlySet<string>): Promise<void> {
    await this.engine.close();
    await this.#comeBack(touched);
  }

  /** The page dies, whatever it was about. */
  async crash(touched: ReadonlySet<string>): Promise<void> {
    this.disk.crash();
    const dead = this.engine;
    void dead.close();
    await this.#comeBack(touched);
  }

  /** Holds all that can be seen against what must be. */
  async check(): Promise<void> {
    const { page, faults } = this;
    const told = page.notices.filter(({ type }) => type === "memory-fault");
    expect(told).toEqual([]);
    expect(faults).toEqual([]);
    expect(page.loaded?.residency.faults() ?? []).toEqual([]);
    for (const [id, chat] of this.chats) {
      if (!page.open.has(id)) continue;
      const history = await this.engine.openChat(id);
      // When it was written down for the first time says what it is called.
      if (this.behind.has(id)) chat.title = history.summary.title || undefined;
      expectSame(history, chat);
    }
    await this.#checkPages();
  }

  /** What the disk has of KV is what it says that it is. */
  async checkStored(): Promise<void> {
    const cache = this.page.loaded?.residency.cache;
    if (cache === undefined) return;
    const database = await openDB(this.#name);
    const segments = (await database.getAll("segments")) as StoredSegment[];
    database.close();
    for (const segment of segments) {
      const { half, blob, fingerprint, kvContext, isExact } = segment;
      const [model, content] = fingerprint.split("/");
      const tokens = this.#tokens.get(content!);
      const before = this.#before.get(kvContext);
      if (!tokens || !before || !isExact) continue;
      if (model !== this.#fingerprint) continue;
      const pages = pagesFor(tokens.length);
      const { layerCount, pageBytes } = cache[half];
      const bytes = await blob.slice(-pages * pageBytes).arrayBuffer();
      const found = packedValues(cache[half], new Uint8Array(bytes), pages).map(
        (values) => values.slice(0, tokens.length),
      );
      expect(layerCount).toBe(found.length);
      expect(
        found,
        `${half} half of round ${segment.roundId} on the disk`,
      ).toEqual(this.#exact(half, before, tokens));
    }
  }

  async #comeBack(touched: ReadonlySet<string>): Promise<void> {
    this.begin();
    await this.settle();
    const kept = await this.#keptChats();
    for (const [id, chat] of this.chats) {
      const found = kept.get(id);
      const isSure = !touched.has(id) && !this.behind.has(id);
      if (found === undefined) {
        expect(isSure && chat.isKept, `chat ${id} is lost`).toBe(false);
        expect([...chat.acknowledged], `messages of ${id} are lost`).toEqual(
          [],
        );
        this.chats.delete(id);
      } else if (!isSure) {
        chat.takeOver(found, this.said.get(id)!);
      } else {
        expect(chat.isWritten, `${id} is kept, though nothing was said`).toBe(
          true,
        );
        for (const round of chat.rounds.values()) round.isAwaited = false;
      }
    }
    for (const id of kept.keys()) expect([...this.chats.keys()]).toContain(id);
    this.behind.clear();
    // What is shown is compared with what the disk has, also where that was not sure before.
    for (const [id, chat] of this.chats) {
      this.page.open.add(id);
      expectSame(await this.engine.openChat(id), chat);
    }
  }

  /** Chats as the disk has them, read without the engine. */
  async #keptChats(): Promise<Map<string, PlainChat>> {
    const database = await openDB(this.#name);
    const names = [...database.objectStoreNames];
    const chats = new Map<string, PlainChat>();
    if (names.includes("conversations")) {
      const records = (await database.getAll("conversations")) as StoredChat[];
      const rounds = (await database.getAll("rounds")) as StoredRound[];
      for (const record of records) {
        const chat = new PlainChat(record.id);
        chat.title = record.title;
        chat.system = record.system;
        for (const id of record.pinnedIds ?? []) chat.pinned.add(id);
        for (const round of rounds) {
          const { id, conversationId, parentId, user, reply } = round;
          if (conversationId !== record.id || id === 0) continue;
          chat.rounds.set(id, {
            id,
            parentId: parentId ?? 0,
            message: user,
            reply,
            isFinished: round.isFinished,
            document: round.document,
            isAwaited: false,
          });
        }
        chat.show(record.shownId);
        chats.set(record.id, chat);
      }
    }
    database.close();
    return chats;
  }

  get #fingerprint(): string | undefined {
    return this.page.loaded?.model.segmentFingerprint;
  }

  /** KV in the pages that says it is exact is what a full prefill of the tokens before it makes. */
  async #checkPages(): Promise<void> {
    const { loaded, bound } = this.page;
    for (const [id, { conversation, segmentFingerprint }] of bound) {
      if (!this.chats.has(id)) continue;
      if (segmentFingerprint !== this.#fingerprint) continue;
      const paths = conversation.all.map((round) => this.#pathTo(id, round.id));
      for (const path of [[0], ...paths])
        await this.#nameContexts(
          path.map((one) => conversation.find(one).tokens),
        );
      expect(await contextsOf(conversation.rounds)).toEqual(
        await contextsOf(conversation.rounds.map(({ tokens }) => ({ tokens }))),
      );
      for (const { id: round, tokens } of conversation.rounds.slice(1))
        expect(tokens, `what is read of round ${round}`).not.toEqual([]);
      for (const round of conversation.all)
        for (const half of HALVES) {
          const { pages, computedTokens, origin } = round[half];
          const before = origin && this.#before.get(origin.context);
          if (computedTokens === 0 || !before || !isExact(origin)) continue;
          const found = pageValues(
            loaded!.residency.cache[half],
            pages,
            computedTokens,
          );
          const tokens = round.tokens.slice(0, computedTokens);
          expect(found, `${half} half of round ${round.id}`).toEqual(
            this.#exact(half, before, tokens),
          );
        }
    }
  }

  #exact(half: Half, before: number[], tokens: number[]): number[][] {
    const { cache } = this.page.loaded!.residency;
    const { firstLayer, layerCount } = cache[half];
    const layers = exactValues(cache, before, tokens);
    return layers.slice(firstLayer, firstLayer + layerCount);
  }

  /** Ids of what a model reads up to a round, and that. */
  #pathTo(chatId: string, roundId: number): number[] {
    const path: number[] = [];
    const { rounds } = this.chats.get(chatId)!;
    for (let id = roundId; id !== 0;) {
      const round = rounds.get(id);
      if (round === undefined) break;
      if (round.isFinished || round.reply !== "") path.unshift(id);
      id = round.parentId;
    }
    return [0, ...path];
  }

  /** Notes what contexts of these rounds are called. */
  async #nameContexts(rounds: readonly (readonly number[])[]): Promise<void> {
    const key = rounds.map((tokens) => tokens.join()).join(";");
    if (this.#named.has(key)) return;
    this.#named.add(key);
    const copies = rounds.map((tokens) => ({ tokens: [...tokens] }));
    const contexts = await contextsOf(copies);
    const before: number[] = [];
    for (const [i, context] of contexts.entries()) {
      this.#before.set(context, [...before]);
      const tokens = copies[i]?.tokens ?? [];
      before.push(...tokens);
      if (copies[i]) this.#tokens.set(await contentOf({ tokens }), tokens);
    }
  }

  /** Counts the tasks of the page that are under way, and notes which chats a model reads. */
  #watch(): void {
    const counted = <T>(task: Promise<T>, page: Page): Promise<T> => {
      page.tasks++;
      return task.finally(() => page.tasks--);
    };
    /* eslint-disable @typescript-eslint/unbound-method -- called with their objects below */
    const { enter } = TaskQueue.prototype;
    const { run } = KeyedQueue.prototype;
    const { bind } = OpenChats.prototype;
    /* eslint-enable @typescript-eslint/unbound-method */
    // What a page that is dead goes on with is not the next one's.
    const pages = new WeakMap<object, Page>();
    const pageOf = (part: object): Page => {
      const page = pages.get(part) ?? this.page;
      pages.set(part, page);
      return page;
    };
    const spies = [
      vi.spyOn(TaskQueue.prototype, "enter").mockImplementation(async function (
        this: TaskQueue,
        ...given
      ) {
        const page = pageOf(this);
        page.tasks++;
        const leave = await enter.apply(this, given);
        return () => {
          page.tasks--;
          leave();
        };
      }),
      vi.spyOn(KeyedQueue.prototype, "run").mockImplementation(function <T>(
        this: KeyedQueue,
        key: string,
        task: () => Promise<T>,
      ) {
        return counted(run.call(this, key, task) as Promise<T>, pageOf(this));
      }),
      vi.spyOn(OpenChats.prototype, "bind").mockImplementation(async function (
        this: OpenChats,
        ...given
      ) {
        const page = pageOf(this);
        const chat = await bind.apply(this, given);
        page.bound.set(given[0], chat);
        return chat;
      }),
      // Without locks a page that dies holds none.
      vi
        .spyOn(navigator, "locks", "get")
        .mockReturnValue(undefined as unknown as LockManager),
    ];
    onTestFinished(() => spies.forEach((spy) => spy.mockRestore()));
  }
}

function isExact(origin: KvOrigin): boolean {
  return origin.isExact && !origin.isMixed;
}

function expectSame(history: ChatHistory, chat: PlainChat): void {
  const { summary, system, rounds, access, damagedRounds } = history;
  const seen = rounds.map(
    ({ id, versions, document, message, reply, isFinished, isPinned }) => ({
      id,
      versions,
      document,
      message,
      reply,
      isFinished,
      isPinned: isPinned === true,
    }),
  ) satisfies PlainView[];
  expect({ rounds: seen, title: summary.title, system, access, damagedRounds })
    // prettier-ignore
    .toEqual({
      rounds: chat.view(),
      title: chat.shownTitle,
      system: chat.system,
      access: "write",
      damagedRounds: undefined,
    });
}

/** Records as they lie on the disk. */
interface StoredChat {
  id: string;
  title: string;
  system?: string;
  pinnedIds?: number[];
  shownId?: number;
}
interface StoredRound {
  conversationId: string;
  id: number;
  parentId: number | null;
  user: string;
  reply: string;
  isFinished: boolean;
  document?: string;
}
interface StoredSegment {
  roundId: number;
  half: Half;
  blob: Blob;
  fingerprint: string;
  kvContext: string;
  isExact: boolean;
}

let reading:
  Promise<{ tokenizer: Tokenizer; template: ChatTemplate }> | undefined;

/** The embedded model's, read once. */
function text() {
  const json = async (file: string) =>
    (await fetch(`/models/rondo-tiny/${file}`)).json() as Promise<unknown>;
  return (reading ??= (async () => {
    const config = (await json("tokenizer_config.json")) as {
      chat_template: string;
    };
    return {
      tokenizer: new Tokenizer(await json("tokenizer.json"), config),
      template: new ChatTemplate(config.chat_template),
    };
  })());
}
