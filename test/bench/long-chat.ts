/**
 * Chats of any length, as files: a few rounds are computed once, and said again and again. Their KV is copied with the
 * context of where it stands, so that the engine takes it for exact. Text and tokens are real, replies make no sense.
 */
import {
  readChatFile,
  writeChatFile,
} from "../../src/engine/archive/chat-file";
import { contextsOf } from "../../src/engine/chat/context-hash";
import { Engine } from "../../src/engine/engine";
import type { BenchChat } from "./chats";
import { GREEDY, say } from "../support/say";

/** Rounds that are computed. */
const SEED_ROUNDS = 12;

type ReadChat = Awaited<ReturnType<typeof readChatFile>>;
type Round = ReadChat["chat"]["rounds"][number];
type Segment = Exclude<
  Awaited<ReturnType<ReturnType<ReadChat["segments"]>["next"]>>["value"],
  void
>[number];

export class LongChats {
  readonly #chat: ReadChat["chat"];
  readonly #said: readonly Round[];
  readonly #segments: ReadonlyMap<
    number,
    readonly Exclude<Segment, "damaged">[]
  >;

  private constructor(
    chat: ReadChat["chat"],
    segments: ReadonlyMap<number, readonly Exclude<Segment, "damaged">[]>,
  ) {
    this.#chat = chat;
    this.#said = chat.rounds.filter(
      ({ id, isFinished }) => id > 0 && isFinished && segments.has(id),
    );
    this.#segments = segments;
  }

  /** Computes the rounds that all chats are made of. */
  static async create(
    url: string,
    storeName: string,
    { rounds }: BenchChat,
  ): Promise<LongChats> {
    const engine = new Engine({ storeName });
    await engine.load(url);
    const history = rounds
      .slice(0, SEED_ROUNDS - 1)
      .map(({ user, reply }) => ({ message: user, reply }));
    const id = await engine.createChat({ history });
    // All attend to all, so that each has both of its halves.
    await say(engine, id, rounds[SEED_ROUNDS]!.user, {
      ...GREEDY,
      maxTokens: 24,
      attention: { mode: "all" },
    });
    const file = await engine.exportChat(id, { withKv: true });
    await engine.deleteChat(id);
    await engine.close();
    const { chat, segments } = await readChatFile(file);
    const byRound = new Map<number, Exclude<Segment, "damaged">[]>();
    for await (const some of segments())
      for (const segment of some) {
        if (segment === "damaged") throw new Error("a new file is damaged");
        const known = byRound.get(segment.roundId);
        if (known) known.push(segment);
        else byRound.set(segment.roundId, [segment]);
      }
    return new LongChats(chat, byRound);
  }

  /** A chat of so many rounds. @param withKv whether it brings their KV */
  async file(count: number, withKv: boolean): Promise<Blob> {
    const system = this.#chat.rounds.filter(({ id }) => id === 0);
    const sources = Array.from(
      { length: count },
      (_, i) => this.#said[i % this.#said.length]!,
    );
    const rounds = [
      ...system,
      ...sources.map((round, i) => ({
        ...round,
        id: i + 1,
        parentId: i,
        attended: null,
        createdMs: round.createdMs + i,
      })),
    ];
    const contexts = withKv ? await contextsOf(rounds) : [];
    const at = rounds.length - count;
    const segmentsOf = (id: number, source: number) =>
      (this.#segments.get(source) ?? []).map((segment) => ({
        ...segment,
        roundId: id,
        kvContext: contexts[id === 0 ? 0 : at + id - 1]!,
        isExact: true,
      }));
    return writeChatFile(
      { ...this.#chat, title: `${count} rounds`, pinnedIds: undefined, rounds },
      withKv
        ? [
            ...system.flatMap(() => segmentsOf(0, 0)),
            ...sources.flatMap((source, i) => segmentsOf(i + 1, source.id)),
          ]
        : [],
    );
  }
}
