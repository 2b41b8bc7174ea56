/**
 * A ChatEngine without a model, for the page's tests and its preview. It stores chats as the engine does, and
 * follows its script: a test controls each load, reply and restore; the preview's script runs by itself.
 */
import type { ToolDefinition } from "../../src/store/tools";
import type { ChatEngine } from "../../src/engine/api/chat-engine";
import type {
  AddedMessage,
  ChatHistory,
  ChatHit,
  ChatOptions,
  ChatSummary,
  HistoryRound,
  ListOptions,
  MessageOptions,
  MessagePlace,
  RoundText,
  SearchOptions,
} from "../../src/engine/api/chats";
import type {
  RestoreOptions,
  MemoryOptions,
  VerifyOptions,
  VerifyReport,
} from "../../src/engine/api/kv-memory";
import type {
  FileSource,
  KeepOptions,
  StoredModel,
  LoadOptions,
  ModelInfo,
  ModelPlan,
  ModelSource,
  PlanOptions,
} from "../../src/engine/api/models";
import type { EngineNotice } from "../../src/engine/api/notice";
import type { RestoreReport } from "../../src/engine/api/receipt";
import type {
  AttachReport,
  ChatDocument,
  ChatReplyOptions,
  ReplyEvent,
  ReplyOptions,
} from "../../src/engine/api/replies";
import { hubName } from "../../src/model/hub/hub-name";
import { findChats } from "../../src/engine/archive/chat-search";
import type { MemorySnapshot } from "../../src/engine/api/memory-snapshot";
import type { StoreErrorReason } from "../../src/util/errors";
import { fakeMemory, fakeReport } from "./fake-memory";
import { keptChat, keptDocument, keptRound } from "./kept-chat";
import { FakeBranches } from "./fake-branches";
import {
  FakeAttach,
  FakeKeeping,
  FakeLoad,
  FakeReply,
  FakeRestore,
  FakeSearch,
  namedError,
} from "./fake-calls";

export function storeError(reason: StoreErrorReason, message: string): Error {
  return Object.assign(namedError("StoreError", message), { reason });
}

/** Called with each load, reply, restore, attaching and search as it begins. */
export interface FakeScript {
  load?: (load: FakeLoad) => void | Promise<void>;
  keep?: (keeping: FakeKeeping) => void | Promise<void>;
  reply?: (reply: FakeReply) => void | Promise<void>;
  restore?: (restore: FakeRestore) => void | Promise<void>;
  attach?: (attach: FakeAttach) => void | Promise<void>;
  search?: (search: FakeSearch) => void | Promise<void>;
  /** Chats that were kept before the page was opened. */
  chats?: ChatHistory[];
  /** Those of them that another tab writes. */
  busy?: string[];
  /** Models that are on this device. */
  models?: StoredModel[];
  /** The store's statistics, if it has any. */
  storeError?: Error;
}

export class FakeEngine implements ChatEngine {
  readonly loads: FakeLoad[] = [];
  readonly keepings: FakeKeeping[] = [];
  readonly replies: FakeReply[] = [];
  readonly restores: FakeRestore[] = [];
  readonly attachings: FakeAttach[] = [];
  readonly searches: FakeSearch[] = [];
  /** What was deleted, and how. */
  readonly deletions: { roundId: number; isFast: boolean }[] = [];
  isHealing = true;
  readonly deletedChats: string[] = [];
  /** Chats in the order in which they were opened and left: "open a", "leave a". */
  readonly visits: string[] = [];
  /** What was exported and imported. */
  readonly files: Blob[] = [];
  /** Chats that another tab writes. */
  readonly busy: Set<string>;
  kept: ChatHistory[];
  /** Models that are on this device, and what loading others would take. */
  models: StoredModel[];
  readonly plans = new Map<string, ModelPlan>();
  /** What was asked about, and with which options. */
  readonly planned: { source: ModelSource; options: PlanOptions }[] = [];
  readonly deletedModels: string[] = [];
  storeError: Error | undefined;
  /** The memory snapshot, for a test to change. */
  snapshot: MemorySnapshot = fakeMemory;
  readonly snapshotsAsked: (MemoryOptions | undefined)[] = [];
  /** Calls that changed it, in order: "pin 1", "unpin 1", "evict 2", "wipe". */
  readonly memoryActions: string[] = [];
  readonly #script: FakeScript;
  readonly #listeners = new Set<(notice: EngineNotice) => void>();
  readonly #branches = new Map<string, FakeBranches>();
  /** System prompts of chats that are not kept yet. */
  readonly #systems = new Map<string, string | undefined>();
  readonly #tools = new Map<string, ChatOptions["tools"]>();
  /** Owners of chats that are not the user's. */
  readonly #owners = new Map<string, string>();
  /** What chats that are not kept yet begin with. */
  readonly #given = new Map<string, HistoryRound[]>();
  /** Messages that were added, by chat and round. */
  readonly #messages = new Map<
    string,
    { kept: HistoryRound; place: MessagePlace | undefined }
  >();
  #chatCount = 0;

  constructor(script: FakeScript = {}) {
    this.#script = script;
    this.kept = script.chats ?? [];
    this.models = script.models ?? [];
    this.busy = new Set(script.busy);
    this.storeError = script.storeError;
  }

  load(source: ModelSource, options?: LoadOptions): Promise<ModelInfo> {
    const load = new FakeLoad(source, options);
    this.loads.push(load);
    const isKept = this.models.some(
      ({ id, keptBytes, totalBytes }) =>
        id === source && keptBytes === totalBytes,
    );
    // What has to be downloaded says so itself.
    if (isKept || typeof source !== "string" || !hubName(source)) load.begin();
    void this.#script.load?.(load);
    return load.outcome;
  }

  async planModel(
    source: FileSource,
    options: PlanOptions = {},
  ): Promise<ModelPlan> {
    this.planned.push({ source, options });
    const name = typeof source === "string" ? source : source[0]!.name;
    const found = this.plans.get(name);
    if (!found) throw namedError("ModelFetchError", `There is no ${name}.`);
    return found;
  }

  keepModel(
    files: readonly File[],
    options?: KeepOptions,
  ): Promise<StoredModel> {
    const keeping = new FakeKeeping(files, options);
    this.keepings.push(keeping);
    void this.#script.keep?.(keeping);
    return keeping.outcome.then((model) => {
      this.models = [model, ...this.models.filter(({ id }) => id !== model.id)];
      return model;
    });
  }

  async listModels(): Promise<StoredModel[]> {
    return this.models;
  }

  async countTokens(text: string): Promise<number> {
    return text.length;
  }

  async deleteModel(id: string): Promise<void> {
    this.deletedModels.push(id);
    this.models = this.models.filter((model) => model.id !== id);
  }

  async listChats({ owner }: ListOptions = {}): Promise<ChatSummary[]> {
    this.#openStore();
    return this.kept
      .filter(({ summary }) => this.#owners.get(summary.id) === owner)
      .map(({ summary }) => ({ ...summary }))
      .sort((a, b) => b.updatedMs - a.updatedMs);
  }

  searchChats(query: string, options?: SearchOptions): Promise<ChatHit[]> {
    const search = new FakeSearch(query, options);
    this.searches.push(search);
    if (this.#script.search) void this.#script.search(search);
    else search.settleWith(this.#find(query, options));
    return search.outcome;
  }

  createChat(options: ChatOptions = {}): Promise<string> {
    const { system, tools, history = [], owner } = options;
    const chatId = `chat ${++this.#chatCount}`;
    this.#systems.set(chatId, system);
    this.#tools.set(chatId, tools);
    if (owner !== undefined) this.#owners.set(chatId, owner);
    const given = history.map(({ message, reply, ...rest }, i) => ({
      ...keptRound(i + 1, message, reply),
      ...rest,
    }));
    this.#given.set(chatId, given);
    return Promise.resolve(chatId);
  }

  async openChat(chatId: string): Promise<ChatHistory> {
    this.visits.push(`open ${chatId}`);
    this.#openStore();
    const rounds = this.#given.get(chatId) ?? [];
    const isKept = this.kept.some(({ summary }) => summary.id === chatId);
    if (!isKept && this.#systems.has(chatId))
      return this.#history({
        ...keptChat(chatId, []),
        system: this.#systems.get(chatId),
        tools: this.#tools.get(chatId),
        rounds,
      });
    return this.#history(this.#kept(chatId));
  }

  async leaveChat(chatId: string): Promise<void> {
    this.visits.push(`leave ${chatId}`);
  }

  restoreChat(
    chatId: string,
    options?: RestoreOptions,
  ): Promise<RestoreReport> {
    const restore = new FakeRestore(chatId, options);
    this.restores.push(restore);
    void this.#script.restore?.(restore);
    return restore.outcome;
  }

  async renameChat(chatId: string, title: string): Promise<void> {
    this.#openStore();
    const { summary } = this.#kept(chatId);
    Object.assign(summary, { title, updatedMs: Date.now() });
    this.emit({ type: "chats-changed" });
  }

  async deleteChat(chatId: string): Promise<void> {
    this.deletedChats.push(chatId);
    this.#openStore();
    this.kept = this.kept.filter(({ summary }) => summary.id !== chatId);
    this.emit({ type: "chats-changed" });
  }

  async exportChat(chatId: string): Promise<Blob> {
    this.#openStore();
    const file = new Blob([JSON.stringify(this.#kept(chatId))]);
    this.files.push(file);
    return file;
  }

  async importChat(file: Blob): Promise<ChatSummary> {
    this.files.push(file);
    this.#openStore();
    const title = await file.text();
    if (title === "") throw namedError("ChatFileError", "The file is empty.");
    const id = `imported ${this.files.length}`;
    const chat = keptChat(id, [["From a file.", "Yes."]], { title });
    this.kept = [chat, ...this.kept];
    this.emit({ type: "chats-changed" });
    return { ...chat.summary };
  }

  async addMessage(
    chatId: string,
    message: string,
    { place, results }: MessageOptions = {},
  ): Promise<AddedMessage> {
    if (this.busy.has(chatId))
      throw namedError("ChatBusyError", "Another tab writes this chat.");
    const isSaved = this.storeError === undefined;
    const kept = this.#add(chatId, message, place, isSaved);
    if (results) kept.results = results;
    this.#messages.set(`${chatId} ${kept.id}`, { kept, place });
    return { roundId: kept.id, isSaved };
  }

  async addRounds(
    chatId: string,
    rounds: readonly RoundText[],
    { place }: { place?: MessagePlace | undefined } = {},
  ): Promise<ChatHistory> {
    const title = rounds[0]?.message ?? "";
    this.#keptOrNew(chatId, title);
    return this.#change(chatId, (branches, shown) => {
      const first = branches.nextId(shown);
      const added = rounds.map(({ message, reply, ...rest }, i) => ({
        ...keptRound(first + i, message, reply),
        ...rest,
      }));
      const behind = place?.behind ?? shown.at(-1)?.id ?? 0;
      return branches.added(shown, added, behind, place?.before);
    });
  }

  async *chat(
    chatId: string,
    message: string,
    { place, results, ...options }: ChatReplyOptions = {},
  ): AsyncGenerator<ReplyEvent, void> {
    const said = { place, results };
    const { roundId } = await this.addMessage(chatId, message, said);
    yield* this.reply(chatId, roundId, options);
  }

  reply(
    chatId: string,
    roundId: number,
    options?: ReplyOptions,
  ): AsyncIterable<ReplyEvent> {
    const { kept, place } = this.#messages.get(`${chatId} ${roundId}`) ?? {
      kept: this.#kept(chatId).rounds.find(({ id }) => id === roundId)!,
    };
    const reply = new FakeReply(chatId, kept, place, options);
    if (this.busy.has(chatId))
      reply.fail(namedError("ChatBusyError", "Another tab writes this chat."));
    this.replies.push(reply);
    void this.#script.reply?.(reply);
    return reply;
  }

  showVersion(chatId: string, roundId: number): Promise<ChatHistory> {
    return this.#change(chatId, (branches, shown) =>
      branches.shownThrough(shown, roundId),
    );
  }

  deleteRound(
    chatId: string,
    roundId: number,
    { isFast = false }: { isFast?: boolean } = {},
  ): Promise<ChatHistory> {
    return this.#change(chatId, (branches, shown) => {
      this.deletions.push({ roundId, isFast });
      return branches.without(shown, roundId);
    });
  }

  moveRound(
    chatId: string,
    roundId: number,
    behind: number,
  ): Promise<ChatHistory> {
    return this.#change(chatId, (branches, shown) =>
      branches.moved(shown, roundId, behind),
    );
  }

  async setSystem(
    chatId: string,
    system: string | undefined,
  ): Promise<ChatHistory> {
    this.#openStore();
    this.#systems.set(chatId, system);
    const known = this.kept.find(({ summary }) => summary.id === chatId);
    const chat = known ?? keptChat(chatId, []);
    chat.system = system;
    return this.#history(chat);
  }

  async setTools(
    chatId: string,
    tools: readonly ToolDefinition[] | undefined,
  ): Promise<ChatHistory> {
    this.#openStore();
    const known = this.kept.find(({ summary }) => summary.id === chatId);
    const chat = known ?? keptChat(chatId, []);
    chat.tools = tools;
    return this.#history(chat);
  }

  attach(
    chatId: string,
    document: ChatDocument,
    options?: RestoreOptions,
  ): Promise<AttachReport> {
    const attach = new FakeAttach(chatId, document, options, () => {
      const chat = this.#keptOrNew(chatId, document.name);
      const id = this.#branchesOf(chatId).nextId(chat.rounds);
      chat.rounds.push(keptDocument(id, document));
      this.#touch(chat);
      return id;
    });
    this.attachings.push(attach);
    void this.#script.attach?.(attach);
    return attach.outcome;
  }

  async setHealing(isOn: boolean): Promise<void> {
    this.isHealing = isOn;
  }

  async memory(options?: MemoryOptions): Promise<MemorySnapshot> {
    this.snapshotsAsked.push(options);
    return structuredClone(this.snapshot);
  }

  async verify(
    chatId: string,
    roundId: number,
    { onProgress, signal }: VerifyOptions = {},
  ): Promise<VerifyReport> {
    signal?.throwIfAborted();
    onProgress?.({ doneTokens: 1, totalTokens: 1 });
    return { ...fakeReport, chatId, roundId };
  }

  async pinRound(
    chatId: string,
    roundId: number,
    isPinned: boolean,
  ): Promise<void> {
    this.#doToMemory(`${isPinned ? "pin" : "unpin"} ${roundId}`, chatId);
  }

  async evictRound(chatId: string, roundId: number): Promise<void> {
    this.#doToMemory(`evict ${roundId}`, chatId);
  }

  async wipeKv(chatId?: string): Promise<void> {
    this.#doToMemory("wipe", chatId);
  }

  onNotice(listener: (notice: EngineNotice) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Sends a notice; it arrives later, as one from a worker does. */
  emit(notice: EngineNotice): void {
    queueMicrotask(() => {
      for (const listener of this.#listeners) listener(notice);
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #doToMemory(what: string, chatId: string | undefined): void {
    this.memoryActions.push(what);
    this.emit({ type: "memory-changed", chatId });
  }

  async #find(query: string, options?: SearchOptions): Promise<ChatHit[]> {
    this.#openStore();
    const said = new Map(
      this.kept.map(({ summary, rounds }) => [
        summary.id,
        rounds.map(({ message, ...round }) => ({ ...round, user: message })),
      ]),
    );
    return findChats(
      query,
      [...said.keys()],
      async function* (id) {
        yield said.get(id)!.toReversed();
      },
      options,
    );
  }

  #openStore(): void {
    if (this.storeError !== undefined) throw this.storeError;
  }

  #kept(chatId: string): ChatHistory {
    const chat = this.kept.find(({ summary }) => summary.id === chatId);
    if (chat === undefined)
      throw namedError("RangeError", `There is no chat ${chatId}.`);
    return chat;
  }

  #history(chat: ChatHistory): ChatHistory {
    const { id } = chat.summary;
    const access = this.busy.has(id) ? "read" : "write";
    const rounds = this.#branchesOf(id).withVersions(chat.rounds);
    return { ...structuredClone(chat), rounds, access };
  }

  #branchesOf(chatId: string): FakeBranches {
    const branches = this.#branches.get(chatId) ?? new FakeBranches();
    this.#branches.set(chatId, branches);
    return branches;
  }

  async #change(
    chatId: string,
    change: (branches: FakeBranches, shown: HistoryRound[]) => HistoryRound[],
  ): Promise<ChatHistory> {
    this.#openStore();
    if (this.busy.has(chatId))
      throw namedError("ChatBusyError", "Another tab writes this chat.");
    const chat = this.#kept(chatId);
    chat.rounds = change(this.#branchesOf(chatId), chat.rounds);
    this.#touch(chat);
    return this.#history(chat);
  }

  #touch({ summary }: ChatHistory): void {
    summary.updatedMs = Date.now();
    this.emit({ type: "chats-changed" });
  }

  #keptOrNew(chatId: string, title: string): ChatHistory {
    const known = this.kept.find(({ summary }) => summary.id === chatId);
    if (known !== undefined) return known;
    const chat = keptChat(chatId, [], { title });
    chat.system = this.#systems.get(chatId);
    chat.tools = this.#tools.get(chatId);
    chat.rounds = this.#given.get(chatId) ?? [];
    this.kept = [chat, ...this.kept];
    return chat;
  }

  /** A chat is kept from its first message on, and its reply as it comes. */
  #add(
    chatId: string,
    message: string,
    place: MessagePlace | undefined,
    isSaved: boolean,
  ): HistoryRound {
    const branches = this.#branchesOf(chatId);
    if (!isSaved)
      return keptRound(branches.nextId([]), message, "", { isFinished: false });
    const chat = this.#keptOrNew(chatId, message);
    const id = branches.nextId(chat.rounds);
    const kept = keptRound(id, message, "", { isFinished: false });
    if (place === undefined) chat.rounds.push(kept);
    else {
      const { behind, before } = place;
      chat.rounds = branches.begun(chat.rounds, kept, behind, before);
    }
    this.#touch(chat);
    return kept;
  }
}
