/** The KV of a chat's history, computed once with full attention and shared by all that is measured on it. */
import { frameOf } from "../../src/engine/run/attention-frame";
import type { Model } from "../../src/engine/load/load-model";
import { pendingSpans, Runner } from "../../src/engine/run/runner";
import type { Gpu } from "../../src/gpu/gpu";
import { readBuffer } from "../../src/gpu/readback";
import { Residency } from "../../src/memory/residency";
import { newRound, type Round, slotsOf } from "../../src/memory/round";
import { HALVES } from "../../src/util/kv-half";
import { strideOf } from "../../src/model/weights/matrix-format";
import type { TokenChat } from "./chats";

/** Rows whose logits one step can give. */
const MOST_ASKED = 16;

export class History {
  readonly model: Model;
  readonly gpu: Gpu;
  readonly runner: Runner;
  readonly residency: Residency;
  /** The system prompt's first. */
  rounds: Round[] = [];

  constructor(gpu: Gpu, model: Model) {
    this.gpu = gpu;
    this.model = model;
    const { decoder, cache } = model.network;
    this.runner = new Runner(gpu, decoder, cache);
    this.residency = new Residency(cache);
  }

  /** Prefills a chat's system prompt and rounds, each behind all that is before it. */
  async fill(chat: TokenChat, count = chat.rounds.length): Promise<void> {
    this.drop();
    const said = chat.rounds
      .slice(0, count)
      .map(({ open, reply, close }) => [...open, ...reply, ...close]);
    this.rounds = [chat.system, ...said].map((tokens, id) =>
      newRound(id, tokens),
    );
    for (const round of this.rounds)
      for (const half of HALVES) await this.residency.give(round, half);
    const { contextTokens } = this.model;
    const total = this.rounds.reduce((sum, one) => sum + one.tokens.length, 0);
    if (total <= contextTokens) {
      const frame = frameOf({
        history: this.rounds,
        own: [],
        ownTokens: 0,
        contextTokens,
      });
      await this.#run({ frame, rows: pendingSpans(frame.lower) });
      return;
    }
    for (const [i, round] of this.rounds.entries()) {
      const frame = frameOf({
        history: this.rounds.slice(0, i),
        own: [round],
        ownTokens: round.tokens.length,
        contextTokens,
      });
      await this.#run({ frame, rows: pendingSpans(frame.lower.slice(-1)) });
    }
  }

  /**
   * Logits behind the last `asked` of some tokens that follow the first `count` rounds, of which the upper
   * layers see those selected.
   */
  async logits(
    count: number,
    tokens: readonly number[],
    asked: number,
    selected?: ReadonlySet<number>,
  ): Promise<Float32Array[]> {
    if (asked > MOST_ASKED || tokens.length > 256)
      throw new RangeError(`${asked} asked rows of ${tokens.length}`);
    const { gpu, runner, residency } = this;
    const { decoder } = runner;
    const { contextTokens } = this.model;
    const own = newRound(-1, tokens);
    for (const half of HALVES) await residency.give(own, half);
    const frame = frameOf({
      history: this.rounds.slice(0, count + 1),
      own: [own],
      ownTokens: tokens.length,
      contextTokens,
      selected,
    });
    const keys = runner.writeTables(frame, tokens.length);
    const { base } = frame.lower.at(-1)!;
    decoder.workspace.step.write({
      rows: tokens.map((token, local) => ({
        token,
        position: base + local,
        localPosition: local,
        ...slotsOf(own, local),
      })),
      askedRows: asked,
      ...keys,
    });
    gpu.submit("teacher-forced reply", (pass) => {
      decoder.embed(pass, tokens.length);
      decoder.run(pass, runner.allLayers, tokens.length, keys);
      decoder.head(pass, asked);
    });
    const { vocabSize } = this.model.network.config;
    const stride = strideOf(vocabSize);
    const values = new Float32Array(
      await readBuffer(gpu, decoder.workspace.logits, 0, 4 * stride * asked),
    );
    for (const half of HALVES) residency.drop(own, half);
    return Array.from({ length: asked }, (_, i) =>
      values.slice(i * stride, i * stride + vocabSize),
    );
  }

  drop(): void {
    for (const round of this.rounds.splice(0))
      for (const half of HALVES) this.residency.drop(round, half);
  }

  async #run(job: Parameters<Runner["prefill"]>[0]): Promise<void> {
    for await (const _ of this.runner.prefill(job)) void _;
  }
}
