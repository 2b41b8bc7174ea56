/**
 * How far KV goes that was computed in another context, and what repairing it takes (A³, arXiv 2511.17560).
 *
 *     npm run bench:fusion [-- --quick] [--count N] [--ratios 0,0.15,1] [--full]
 *
 * Each case (fusion-cases.ts) is a chat before and after something was done to it. KV is computed before,
 * stored, and restored for every policy anew; rounds that are new are computed in their place. The question
 * then attends to all rounds, so that nothing but the repair is measured, and the right reply follows it,
 * teacher-forced. Figures by policy and ratio, over all cases:
 *
 * - accuracy: questions whose value tokens are all predicted right; of full: as a share of a full prefill's
 * - KL: mean KL(full ‖ policy) over the reply's positions, in nats
 * - computed: tokens computed again, as a share of those that are stale
 * - first token: restoring, repairing, the question, a fence; as a share of what a full prefill takes
 *
 * `leak` asks, with greedy replies, for what a deleted round told: how often it is said.
 */
import { TurnPrefill } from "../../src/engine/turn/prefill-turn";
import { frameOf } from "../../src/engine/run/attention-frame";
import type { Model } from "../../src/engine/load/load-model";
import {
  KvRestorer,
  type SegmentSource,
} from "../../src/engine/restore/kv-restore";
import {
  type RepairMethod,
  repairMethod,
} from "../../src/engine/fusion/repair";
import { pendingSpans } from "../../src/engine/run/runner";
import { Rates } from "../../src/engine/restore/restore-or-recompute";
import type { Gpu } from "../../src/gpu/gpu";
import { Pins } from "../../src/memory/residency";
import { newRound } from "../../src/memory/round";
import { HALVES } from "../../src/util/kv-half";
import { packHalf } from "../../src/memory/segment-transfer";
import { chatLayout } from "../../src/model/text/chat-layout";
import { chatTokens } from "../../src/model/text/chat-tokens";
import type { DrawSettings } from "../../src/model/network/sampler-buffer";
import { valueSpan } from "./chats";
import {
  type FusionCase,
  type FusionRound,
  leaks,
  staleRounds,
} from "./fusion-cases";
import { policies, type StoredRound } from "./fusion-policies";
import { History } from "./history";
import { divergence, likeliest } from "../../src/engine/run/logits";
import { average } from "./average";

export interface FusionOptions {
  cases: readonly FusionCase[];
  ratios: readonly number[];
  /** The ratio at which everything else is measured too. */
  ratio: number;
  onProgress?: (doing: string) => void;
}

export interface FusionRow {
  kind: string;
  policy: string;
  ratio: number;
  cases: number;
  accuracy: number;
  ofFull: number;
  kl: number;
  computed: number;
  firstToken: number;
}

interface Sample {
  isRight: boolean;
  kl: number;
  computed: number;
  ms: number;
  fullMs: number;
}

const FULL = "full prefill";
const LEAK_TOKENS = 14;
const GREEDY: DrawSettings = {
  seed: 0,
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
};

export async function benchFusion(
  gpu: Gpu,
  model: Model,
  { cases, ratios, ratio, onProgress }: FusionOptions,
): Promise<FusionRow[]> {
  const samples = new Map<string, Sample[]>();
  for (const [i, one] of cases.entries()) {
    onProgress?.(`case ${i + 1} of ${cases.length}: ${one.kind}`);
    const lab = await FusionLab.of(gpu, model, one);
    const full = await lab.play(undefined, 0, undefined);
    const add = (policy: string, at: number, sample: Sample) => {
      for (const kind of one.kind === "leak" ? ["leak"] : [one.kind, "all"]) {
        const key = [kind, policy, at].join("\t");
        samples.set(key, [...(samples.get(key) ?? []), sample]);
      }
    };
    add(FULL, 1, full);
    for (const [policy, method] of Object.entries(lab.policies)) {
      if (one.kind === "leak" && policy !== "a3") continue;
      for (const at of policy === "a3" ? ratios : [ratio])
        add(policy, at, await lab.play(method, at, full));
    }
    lab.close();
  }
  return [...samples].map(([key, all]) => {
    const [kind, policy, at] = key.split("\t") as [string, string, string];
    const right = (some: readonly Sample[]) =>
      average(some.map(({ isRight }) => Number(isRight)));
    return {
      kind,
      policy,
      ratio: Number(at),
      cases: all.length,
      accuracy: right(all),
      ofFull: right(all) / right(samples.get([kind, FULL, 1].join("\t"))!),
      kl: average(all.map(({ kl }) => kl)),
      computed: average(all.map(({ computed }) => computed)),
      firstToken: average(all.map(({ ms, fullMs }) => ms / fullMs)),
    };
  });
}

/** One case, with its KV as it was before. */
class FusionLab {
  readonly policies: Record<string, RepairMethod>;
  readonly #model: Model;
  readonly #history: History;
  readonly #one: FusionCase;
  /** By the case's ids; the system prompt's is 0. */
  readonly #stored = new Map<number, StoredRound>();

  private constructor(gpu: Gpu, model: Model, one: FusionCase) {
    this.#model = model;
    this.#one = one;
    this.#history = new History(gpu, model);
    this.policies = policies(
      this.#history.runner,
      (round) => this.#stored.get(round.id)!.lower,
    );
  }

  static async of(gpu: Gpu, model: Model, one: FusionCase) {
    const lab = new FusionLab(gpu, model, one);
    const { before, after, system } = one;
    await lab.#compute(before.system, before.rounds);
    for (const round of before.alone)
      await lab.#compute(before.system, [round]);
    // What is new is computed in its place, with all that stands before it there.
    const known = new Set([...before.rounds, ...before.alone]);
    for (const [i, round] of after.rounds.entries())
      if (![...known].some(({ id }) => id === round.id))
        await lab.#compute(system, after.rounds.slice(0, i + 1), round.id);
    await lab.#compute(system, [], 0);
    return lab;
  }

  /** The question and its reply; without a method as a full prefill has them. */
  async play(
    method: RepairMethod | undefined,
    ratio: number,
    full: (Sample & { logits: Float32Array[] }) | undefined,
  ): Promise<Sample & { logits: Float32Array[] }> {
    const { runner, residency } = this.#history;
    const { tokenizer, contextTokens } = this.#model;
    const { system, after, question } = this.#one;
    const tokens = this.#tokens(system);
    const history = [
      newRound(0, tokens.prefix),
      ...after.rounds.map((round, i) =>
        newRound(round.id, this.#read(system, round, i === 0)),
      ),
    ];
    if (method)
      for (const round of history)
        for (const half of HALVES)
          round[half].stored.bytes = this.#stored.get(round.id)![half].length;
    const stale = staleRounds(this.#one);
    const isFirst = after.rounds.length === 0;
    const own = newRound(-1, tokens.open(question, { isFirst }));
    const reply = tokenizer.encodeText(this.#one.reply);
    const pins = new Pins(residency);
    const source: SegmentSource = {
      read: async ({ id }, half) => ({
        payload: this.#stored.get(id)![half],
        mode: "raw",
      }),
    };
    const attend = new TurnPrefill(
      {
        runner,
        residency,
        restorer: new KvRestorer(runner, residency, new Rates()),
        source,
        pins,
        contextTokens,
        onRestored: () => undefined,
        onLost: () => undefined,
      },
      {
        history,
        own,
        ownTokens: own.tokens.length + LEAK_TOKENS + reply.length,
        settings: {
          mode: "all",
          tau: 1,
          kMin: 0,
          budgetBytes: Infinity,
          pinned: [],
        },
        massRows: 1,
        massHeads: [0],
        digestOf: () => undefined,
        stale: new Set(history.filter(({ id }) => method && stale.has(id))),
        ratio,
        method: method ?? repairMethod("a3", 1),
        likely: [],
        first: () => ({ settings: GREEDY, index: 0, copies: [] }),
      },
    );
    const start = performance.now();
    for await (const _ of attend.run()) void _;
    await this.#history.gpu.done();
    const ms = performance.now() - start;

    this.#history.rounds = history;
    const count = history.length - 1;
    // The question once more: its own rows look at what has been repaired, as decode steps do.
    const positions = this.#one.kind === "leak" ? 1 : reply.length;
    const logits = await this.#history.logits(
      count,
      [...own.tokens, ...reply.slice(0, positions - 1)],
      positions,
    );
    const { staleTokens, repairedTokens } = attend.fusion;
    const isRight =
      this.#one.kind === "leak"
        ? !leaks(this.#one, await this.#say(count, own.tokens))
        : this.#hasValue(reply, logits);
    const sample = {
      isRight,
      kl: full
        ? average(logits.map((row, i) => divergence(full.logits[i]!, row)))
        : 0,
      computed: method ? repairedTokens / staleTokens : 1,
      ms,
      fullMs: full?.ms ?? ms,
      logits,
    };
    pins.release();
    for (const half of HALVES) residency.drop(own, half);
    this.#history.drop();
    return sample;
  }

  close(): void {
    this.#history.drop();
    this.#history.runner.destroy();
  }

  #hasValue(reply: readonly number[], logits: readonly Float32Array[]) {
    const { tokenizer } = this.#model;
    const span = valueSpan(tokenizer, reply, this.#one.value ?? "");
    if (!span) throw new RangeError(`no ${this.#one.value} in its own reply`);
    return reply
      .slice(...span)
      .every((token, i) => likeliest(logits[span[0] + i]!) === token);
  }

  async #say(count: number, question: readonly number[]): Promise<string> {
    const { tokenizer, generation } = this.#model;
    const said: number[] = [];
    while (said.length < LEAK_TOKENS) {
      const [row] = await this.#history.logits(
        count,
        [...question, ...said],
        1,
      );
      const token = likeliest(row!);
      if (generation.eosTokenIds.includes(token)) break;
      said.push(token);
    }
    return tokenizer.decode(said);
  }

  /** Computes rounds one behind the other, and stores them, or one of them. */
  async #compute(
    system: string | null,
    rounds: readonly FusionRound[],
    wanted?: number,
  ): Promise<void> {
    const { runner, residency, gpu } = this.#history;
    const { contextTokens } = this.#model;
    const history = [
      newRound(0, this.#tokens(system).prefix),
      ...rounds.map((round, i) =>
        newRound(round.id, this.#read(system, round, i === 0)),
      ),
    ];
    for (const round of history)
      for (const half of HALVES) await residency.give(round, half);
    const frame = frameOf({ history, own: [], ownTokens: 0, contextTokens });
    const rows = pendingSpans(frame.lower);
    for await (const _ of runner.prefill({ frame, rows })) void _;
    for (const round of history) {
      const pack = (half: (typeof HALVES)[number]) =>
        packHalf(
          gpu,
          runner.cache[half],
          round[half].pages,
          "raw",
          round.tokens.length,
          round[half].localPages,
        );
      if (wanted === undefined || round.id === wanted)
        this.#stored.set(round.id, {
          lower: await pack("lower"),
          upper: await pack("upper"),
        });
    }
    for (const round of history)
      for (const half of HALVES) residency.drop(round, half);
  }

  #read(
    system: string | null,
    { user, reply }: FusionRound,
    isFirst: boolean,
  ): number[] {
    const { open, close } = this.#tokens(system);
    const said = this.#model.tokenizer.encodeText(reply);
    return [...open(user, { isFirst }), ...said, ...close];
  }

  #tokens(system: string | null) {
    const { tokenizer, template } = this.#model;
    const { markers } = tokenizer;
    const layout = chatLayout(template, {
      system: system ?? undefined,
      markers,
    });
    return chatTokens(tokenizer, layout);
  }
}

/** The rows as a table: everything together first, then by kind. */
export function fusionTable(rows: readonly FusionRow[]): string {
  const head = [
    "kind",
    "policy",
    "r",
    "cases",
    "accuracy",
    "of full",
    "KL",
    "computed",
    "first token",
  ];
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  const cells = rows
    .toSorted((a, b) => Number(b.kind === "all") - Number(a.kind === "all"))
    .map((row) => [
      row.kind === "leak" ? "leak (right: not said)" : row.kind,
      row.policy,
      String(row.ratio),
      String(row.cases),
      row.accuracy.toFixed(3),
      row.ofFull.toFixed(3),
      row.kl.toFixed(4),
      percent(row.computed),
      percent(row.firstToken),
    ]);
  const line = (one: readonly string[]) => `| ${one.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...cells.map(line)].join(
    "\n",
  );
}
