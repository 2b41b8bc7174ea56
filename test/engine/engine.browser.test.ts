// Whatever is done to chats, in whatever order, over a disk that is slow, refuses, or dies with its page: the text
// is what was said, and KV that counts as exact is what a full prefill would have made.
import { expect, onTestFinished, test, vi } from "vitest";
import { Engine } from "../../src/engine/engine";
import { StoreError } from "../../src/util/errors";
import { ownName } from "../store/fixtures";
import { PlainChat, type PlainRound } from "../support/engine-model";
import { MODEL_URLS, World } from "../support/engine-world";
import { nextTurn, someTurns } from "../support/event-loop";

vi.mock(
  import("../../src/memory/segment-transfer"),
  async () => import("../support/fake-transfer"),
);

/** More of them: VITE_SEEDS=500 npm test -- --project browser test/engine/engine.browser */
const SEEDS = Number(import.meta.env["VITE_SEEDS"] ?? 50);
const STEPS = 25;
const HANGING_MS = 20_000;

/** Something to be done, with what it is done to. */
interface Move {
  /** Moves of one chat overlap as far as what comes of that is one thing. */
  kind: "send" | "edit" | "light" | "alone";
  chat: PlainChat | undefined;
  name: string;
  run: () => Promise<void>;
}

const DOCUMENTS = ["tea", "bread", "a garden"].map((name) => ({
  name: `About ${name}`,
  text: `This is all there is to know about ${name}. `.repeat(3).trim(),
}));

/** As the engine says it, which is all that a document's round replies. */
const DOCUMENT_REPLY = "Got it, I have the note.";

class Player {
  readonly world: World;
  readonly log: string[] = [];
  #messages = 0;

  constructor(world: World) {
    this.world = world;
  }

  async play(steps: number): Promise<void> {
    const { world } = this;
    world.begin();
    await world.engine.load(this.#pick(MODEL_URLS));
    await this.#heal();
    for (let step = 0; step < steps; step++)
      await Promise.race([this.#step(), hanging()]);
    await world.checkStored();
    await world.reload(new Set());
    await world.check();
  }

  /** A few moves that overlap; then all is compared. */
  async #step(): Promise<void> {
    const { world } = this;
    const { disk, random } = world;
    const moves = this.#moves();
    const touched = new Set(moves.map(({ chat }) => chat?.id ?? ""));
    disk.refusing = random() < 0.15 ? 0.3 : 0;
    disk.refused.length = 0;
    const names = moves.map((one) => `${one.name} ${idOf(one.chat)}`);
    const how = random();
    const end = how < 0.04 ? "crash" : how < 0.08 ? "reload" : "";
    const refusing = disk.refusing > 0 ? " (refused)" : "";
    this.log.push(`${names.join(" | ")}${refusing} ${end}`);

    const ended = moves.map(async (move) => {
      await someTurns(random, moves.length === 1 ? 0 : 20);
      await this.#run(move, moves.length > 1, () => hasEnded);
    });
    let hasEnded = false;
    if (end === "") {
      await Promise.all(ended);
      await world.settle();
      disk.refusing = 0;
      this.#note(touched);
    } else {
      await someTurns(random, 60);
      hasEnded = true;
      ended.forEach((one) => void one.catch(() => undefined));
      disk.refusing = 0;
      if (disk.refused.length > 0) this.#fallBehind(touched);
      await (end === "crash" ? world.crash(touched) : world.reload(touched));
      if (random() < 0.8) await world.engine.load(this.#pick(MODEL_URLS));
      await world.settle();
    }
    await world.check();
    if (random() < 0.1) await world.checkStored();
  }

  async #run(
    move: Move,
    overlaps: boolean,
    hasEnded: () => boolean,
  ): Promise<void> {
    try {
      await move.run();
    } catch (error) {
      if (hasEnded()) return;
      const isRefused =
        error instanceof StoreError && this.world.disk.refused.length > 0;
      // What was to be changed may be gone by then.
      const isGone = overlaps && error instanceof RangeError;
      if (isRefused || isGone) return;
      throw new Error(`${move.name} ${idOf(move.chat)} fails`, {
        cause: error,
      });
    }
  }

  /** All went well, so all is on the disk; or something was refused. */
  #note(touched: ReadonlySet<string>): void {
    const { world } = this;
    if (world.disk.refused.length > 0) this.#fallBehind(touched);
    for (const [id, chat] of world.chats)
      if (!world.behind.has(id) && chat.isWritten) chat.acknowledge();
  }

  #fallBehind(touched: ReadonlySet<string>): void {
    for (const id of touched) if (id !== "") this.world.behind.add(id);
  }

  #moves(): Move[] {
    const { random } = this.world;
    const moves = [this.#move()];
    if (moves[0]!.kind === "alone") return moves;
    while (moves.length < 3 && random() < 0.4) {
      const move = this.#move();
      if (moves.every((one) => mayOverlap(one, move))) moves.push(move);
    }
    return moves;
  }

  #move(): Move {
    const { world } = this;
    const { random } = world;
    const chats = [...world.chats.values()];
    if (chats.length < 2 || (chats.length < 4 && random() < 0.05))
      return this.#create();
    const chat = this.#pick(chats);
    const rounds = chat.shown;
    const moves: [number, () => Move][] = [
      [10, () => this.#send(chat)],
      [1, () => this.#light(chat, "rename", () => this.#rename(chat))],
      [1, () => this.#light(chat, "open", () => this.#open(chat))],
      [
        2,
        () => ({
          ...this.#light(chat, "leave", () => this.#leave(chat)),
          kind: "edit" as const,
        }),
      ],
      [1, () => this.#light(undefined, "load", () => this.#load())],
      [1, () => this.#light(undefined, "pause", () => this.world.settle())],
      [1, () => this.#light(undefined, "healing", () => this.#heal())],
      [1, () => this.#edit(chat, "add", () => this.#addRounds(chat))],
      [1, () => this.#edit(chat, "attach", () => this.#attach(chat))],
      [1, () => this.#edit(chat, "system", () => this.#setSystem(chat))],
      [
        1,
        () =>
          this.#edit(chat, "wipe", () =>
            this.#call(chat, () => world.engine.wipeKv(chat.id)),
          ),
      ],
      [1, () => this.#edit(chat, "restore", () => this.#restore(chat))],
      [
        0.5,
        () => ({
          ...this.#edit(chat, "forget", () => this.#delete(chat)),
          kind: "alone" as const,
        }),
      ],
    ];
    if (rounds.length > 0) {
      const round = this.#pick(rounds);
      moves.push(
        [2, () => this.#edit(chat, "edit", () => this.#rewrite(chat, round))],
        [
          2,
          () =>
            this.#edit(chat, `delete ${round.id} of`, () =>
              this.#deleteRound(chat, round),
            ),
        ],
        [2, () => this.#edit(chat, "move", () => this.#moveRound(chat, round))],
        [1, () => this.#edit(chat, "show", () => this.#show(chat))],
        [1, () => this.#light(chat, "pin", () => this.#pin(chat, round))],
        [
          1,
          () =>
            this.#edit(chat, "evict", () =>
              this.#call(chat, () =>
                world.engine.evictRound(chat.id, round.id),
              ),
            ),
        ],
      );
    }
    const total = moves.reduce((sum, [weight]) => sum + weight, 0);
    let at = random() * total;
    const [, make] = moves.find(([weight]) => (at -= weight) < 0)!;
    return make();
  }

  #light(chat: PlainChat | undefined, name: string, run: Move["run"]): Move {
    return { kind: "light", chat, name, run };
  }

  #edit(chat: PlainChat, name: string, run: Move["run"]): Move {
    return { kind: "edit", chat, name, run };
  }

  #send(chat: PlainChat): Move {
    return { kind: "send", chat, name: "send", run: () => this.#say(chat) };
  }

  #create(): Move {
    const { world } = this;
    const count = world.random() < 0.3 ? 2 : 0;
    const history = Array.from({ length: count }, () => ({
      message: this.#message(),
      reply: "I see.",
    }));
    const system = world.random() < 0.3 ? this.#message() : undefined;
    return this.#light(undefined, "create", async () => {
      const id = await world.engine.createChat({ system, history });
      const chat = new PlainChat(id);
      chat.system = system;
      const said = new Set<string>();
      for (const [i, { message, reply }] of history.entries()) {
        chat.say(i + 1, message);
        Object.assign(chat.round(i + 1), {
          reply,
          isFinished: true,
          isAwaited: false,
        });
        said.add(message);
      }
      chat.isWritten = false;
      world.chats.set(id, chat);
      world.said.set(id, said);
      world.page.open.add(id);
    });
  }

  /** Calls the engine for a chat that this page may write. */
  async #call<T>(chat: PlainChat, call: () => Promise<T>): Promise<T> {
    if (!this.world.page.open.has(chat.id)) await this.#open(chat);
    return call();
  }

  async #say(
    chat: PlainChat,
    place?: { behind: number; before?: number | undefined },
  ): Promise<void> {
    const { engine, random, said } = this.world;
    const message = this.#message();
    said.get(chat.id)!.add(message);
    const added = await this.#call(chat, () =>
      engine.addMessage(chat.id, message, { place }),
    );
    chat.say(added.roundId, message, place);
    if (added.isSaved) {
      chat.keep();
      chat.acknowledged.set(added.roundId, { ...chat.round(added.roundId) });
    } else {
      this.world.behind.add(chat.id);
      const told = this.world.page.notices.map(({ type }) => type);
      expect(told).toContain("store-trouble");
    }
    if (!this.world.page.loaded || random() < 0.1) {
      chat.round(added.roundId).isAwaited = true;
      return;
    }
    await this.#reply(chat, added.roundId);
    await this.world.settle();
    // What was refused before is written with what is said next.
    if (this.world.disk.refusing === 0) this.world.behind.delete(chat.id);
  }

  async #reply(chat: PlainChat, id: number): Promise<void> {
    const { engine, random } = this.world;
    const round = chat.round(id);
    const stop = new AbortController();
    const way = this.#pick(["to the end", "to the end", "abort", "leave"]);
    let left = Math.floor(random() * 6);
    if (way === "abort" && left === 0) stop.abort();
    const maxTokens = 1 + Math.floor(random() * 12);
    const events = engine.reply(chat.id, id, {
      maxTokens,
      signal: stop.signal,
    });
    try {
      let hasBegun = false;
      for await (const event of events) {
        if (!hasBegun && !chat.branch.includes(id)) chat.show(id);
        hasBegun = true;
        if (event.type === "text") round.reply += event.text;
        if (left-- > 0) continue;
        if (way === "leave") break;
        if (way === "abort") stop.abort();
      }
      round.isFinished = true;
    } finally {
      round.isAwaited = false;
    }
  }

  /** Another version of a round, with or without what came later. */
  async #rewrite(chat: PlainChat, round: PlainRound): Promise<void> {
    const at = chat.branch.indexOf(round.id);
    const behind = chat.branch[at - 1] ?? 0;
    const keeps = this.world.random() < 0.5;
    await this.#say(chat, {
      behind,
      before: keeps ? chat.branch[at + 1] : undefined,
    });
  }

  /** Rounds from elsewhere, in place of some or of none. */
  async #addRounds(chat: PlainChat): Promise<void> {
    const { engine, random, said } = this.world;
    const { branch, used } = chat;
    const at = Math.floor(random() * (branch.length + 1));
    const next = at + Math.floor(random() * (branch.length - at + 1));
    const place = { behind: branch[at - 1] ?? 0, before: branch[next] };
    const count = place.before === undefined ? 2 : Math.floor(random() * 3);
    const rounds = Array.from({ length: count }, () => ({
      message: this.#message(),
      reply: "So it is.",
    }));
    for (const { message } of rounds) said.get(chat.id)!.add(message);
    const before = new Set(used);
    const added = await this.#call(chat, () =>
      engine.addRounds(chat.id, rounds, { place }),
    );
    const ids = added.rounds.map(({ id }) => id);
    chat.give(
      rounds,
      place,
      ids.filter((id) => !before.has(id)),
    );
  }

  async #deleteRound(chat: PlainChat, { id }: PlainRound): Promise<void> {
    const { engine, random } = this.world;
    const isFast = random() < 0.3;
    chat.mayLose(id);
    await this.#call(chat, () => engine.deleteRound(chat.id, id, { isFast }));
    chat.delete(id, isFast);
  }

  async #moveRound(chat: PlainChat, { id }: PlainRound): Promise<void> {
    const { engine } = this.world;
    const behind = this.#pick([0, ...chat.branch].filter((one) => one !== id));
    const before = new Set(chat.used);
    const { rounds } = await this.#call(chat, () =>
      engine.moveRound(chat.id, id, behind),
    );
    const ids = rounds
      .map((round) => round.id)
      .filter((one) => !before.has(one));
    chat.move(id, behind, ids);
  }

  async #show(chat: PlainChat): Promise<void> {
    const { engine } = this.world;
    const id = this.#pick([...chat.rounds.keys()]);
    await this.#call(chat, () => engine.showVersion(chat.id, id));
    chat.show(id);
  }

  async #pin(chat: PlainChat, { id }: PlainRound): Promise<void> {
    const { engine } = this.world;
    const isPinned = !chat.pinned.has(id);
    await this.#call(chat, () => engine.pinRound(chat.id, id, isPinned));
    if (isPinned) chat.pinned.add(id);
    else chat.pinned.delete(id);
  }

  async #rename(chat: PlainChat): Promise<void> {
    const title = this.#message();
    const { engine } = this.world;
    const wasKept = chat.isKept;
    try {
      await this.#call(chat, () => engine.renameChat(chat.id, title));
      chat.title = title;
    } catch (error) {
      // A chat that is not kept yet has no name.
      const isMissing =
        error instanceof StoreError && error.reason === "missing";
      if (wasKept || !isMissing) throw error;
    }
  }

  async #open(chat: PlainChat): Promise<void> {
    await this.world.engine.openChat(chat.id);
    this.world.page.open.add(chat.id);
  }

  async #leave(chat: PlainChat): Promise<void> {
    if (!chat.isKept) return;
    this.world.page.open.delete(chat.id);
    await this.world.engine.leaveChat(chat.id);
  }

  async #load(): Promise<void> {
    await this.world.engine.load(this.#pick(MODEL_URLS));
  }

  /** Without healing what was repaired stays as it is. */
  #heal(): Promise<void> {
    return this.world.engine.setHealing(this.world.random() < 0.5);
  }

  async #restore(chat: PlainChat): Promise<void> {
    const { engine, page } = this.world;
    if (!page.loaded) return;
    await this.#call(chat, () => engine.restoreChat(chat.id));
  }

  async #attach(chat: PlainChat): Promise<void> {
    const { engine, page, said } = this.world;
    if (!page.loaded) return;
    const { name, text } = this.#pick(DOCUMENTS);
    said.get(chat.id)!.add(text);
    const { roundId } = await this.#call(chat, () =>
      engine.attach(chat.id, { name, text }),
    );
    chat.attach(roundId, name, text, DOCUMENT_REPLY);
  }

  async #setSystem(chat: PlainChat): Promise<void> {
    const system = this.#message();
    const { engine } = this.world;
    await this.#call(chat, () => engine.setSystem(chat.id, system));
    chat.system = system;
  }

  async #delete(chat: PlainChat): Promise<void> {
    const { engine, chats, page } = this.world;
    // Where the page dies meanwhile it may be gone.
    chat.acknowledged.clear();
    await engine.deleteChat(chat.id);
    chats.delete(chat.id);
    page.open.delete(chat.id);
    page.bound.delete(chat.id);
  }

  #pick<T>(of: readonly T[]): T {
    return of[Math.floor(this.world.random() * of.length)]!;
  }

  /** One that nobody has said before. */
  #message(): string {
    const more = " and on".repeat(Math.floor(this.world.random() * 6));
    return `Message ${++this.#messages} goes on${more}.`;
  }
}

/** Rejects once a step has taken longer than any should. */
async function hanging(): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, HANGING_MS));
  throw new Error("The last step does not end.");
}

/** Whether it is clear what comes of both at once. */
function mayOverlap(one: Move, other: Move): boolean {
  if (other.kind === "alone") return false;
  if (one.chat === undefined || one.chat !== other.chat) return true;
  return (
    one.kind === "light" ||
    other.kind === "light" ||
    (one.kind === "send" && other.kind === "send")
  );
}

function idOf(chat: PlainChat | undefined): string {
  return chat?.id.slice(0, 4) ?? "";
}

test("A chat in which nothing was said is not kept, also where its history was read", async () => {
  const world = new World(1);
  world.begin();
  const { engine } = world;
  await engine.load(MODEL_URLS[0]!);
  const history = [{ message: "Hello.", reply: "Hi." }];
  await engine.restoreChat(await engine.createChat({ history }));
  await world.settle();
  expect(await engine.listChats()).toEqual([]);
});

test.each(Array.from({ length: SEEDS }, (_, i) => i + 1))(
  "Whatever is done to chats, nothing is lost and KV is right, seed %i",
  async (seed) => {
    const player = new Player(new World(seed));
    try {
      await player.play(STEPS);
    } catch (error) {
      const done = player.log.map((line, i) => `${i}: ${line}`).join("\n");
      const told = error instanceof Error ? error : new Error(String(error));
      told.message = `seed ${seed}, after\n${done}\n${told.message}`;
      throw told;
    } finally {
      await nextTurn();
    }
  },
);

test("A chat with an owner is its owner's, also after a reload, with the rounds that it was given", async () => {
  const storeName = ownName();
  const open = () => {
    const engine = new Engine({ storeName });
    onTestFinished(() => engine.close());
    return engine;
  };
  const before = open();
  const chat = await before.createChat({ owner: "app" });
  await before.addRounds(chat, [{ message: "Hello.", reply: "Hi." }]);
  await before.close();

  const engine = open();
  expect(await engine.listChats()).toEqual([]);
  expect(await engine.searchChats("hello")).toEqual([]);
  const owned = await engine.listChats({ owner: "app" });
  expect(owned.map(({ id }) => id)).toEqual([chat]);
  const { rounds } = await engine.openChat(chat);
  expect(rounds.map(({ message, reply }) => [message, reply])).toEqual([
    ["Hello.", "Hi."],
  ]);
});
