/**
 * What Round Attention costs in quality, and saves in memory.
 *
 *     npm run bench:rounds [-- --quick] [--chats FILE] [--tau 0.9,0.95]
 *
 * Chats with known answers: the history is prefilled once with full attention, and every policy says the
 * same reply behind it, teacher-forced. Figures by policy, over all questions:
 *
 * - restorer: questions whose value tokens are all predicted right
 * - of full: restorer as a share of full attention's
 * - KL: mean KL(full ‖ policy) over the reply's positions, in nats; top-1: how often the likeliest token is the same
 * - captured: mass, at the watershed, of what the policy attends to
 * - rounds: how many are attended to, the last one included
 * - saved: 1 − KV that must be on the GPU / KV of the whole chat, in whole pages
 *
 * `last k` and `random k` attend to as many rounds as Round Attention does; the oracle to the round with
 * the answer and the last one. The negative control asks for everything at once: there is no value to get
 * right, only KL and top-1 against full attention's own greedy reply.
 */
import { massByRound } from "../../src/engine/rounds/round-mass";
import { frameOf } from "../../src/engine/run/attention-frame";
import { pendingSpans } from "../../src/engine/run/runner";
import { select } from "../../src/engine/rounds/select";
import { newRound } from "../../src/memory/round";
import { HALVES } from "../../src/util/kv-half";
import { type BenchChat, inTokens, type TokenChat, valueSpan } from "./chats";
import type { History } from "./history";
import { divergence, likeliest } from "../../src/engine/run/logits";
import { average } from "./average";

export interface RoundsOptions {
  chats: readonly BenchChat[];
  taus: readonly number[];
  /** Asked-for facts a chat at most. */
  asksPerChat: number;
  onProgress?: (doing: string) => void;
}

export interface RoundsRow {
  rounds: number;
  policy: string;
  questions: number;
  restorer: number;
  ofFull: number;
  kl: number;
  top1: number;
  captured: number;
  attended: number;
  saved: number;
}

interface Sample {
  isRight: boolean;
  kl: number;
  top1: number;
  captured: number;
  attended: number;
  saved: number;
}

/** Positions of a reply that are compared. */
const MOST_POSITIONS = 16;

export async function benchRounds(
  history: History,
  { chats, taus, asksPerChat, onProgress }: RoundsOptions,
): Promise<RoundsRow[]> {
  const samples = new Map<string, Sample[]>();
  const add = (key: string, sample: Sample) => {
    const known = samples.get(key);
    if (known) known.push(sample);
    else samples.set(key, [sample]);
  };
  for (const [at, chat] of chats.entries()) {
    const size = chat.rounds.length;
    onProgress?.(`chat ${at + 1} of ${chats.length}, ${size} rounds`);
    const tokens = inTokens(history.model, chat);
    await history.fill(tokens);
    for (const ask of chat.asks.slice(-asksPerChat)) {
      const round = tokens.rounds[ask.round]!;
      const value = valueSpan(history.model.tokenizer, round.reply, ask.value);
      if (!value || round.reply.length > MOST_POSITIONS) continue;
      const question = {
        ...round,
        value,
        count: ask.round,
        source: ask.source,
      };
      for (const [policy, sample] of await play(
        history,
        tokens,
        question,
        taus,
      ))
        add(`${size}\t${policy}`, sample);
    }
    const control = await everything(history, tokens, chat);
    for (const [policy, sample] of await play(history, tokens, control, taus))
      add(`${size}\tcontrol: ${policy}`, sample);
  }
  return [...samples].map(([key, all]) => {
    const [rounds, policy] = key.split("\t") as [string, string];
    const isControl = policy.startsWith("control: ");
    const full = samples.get(`${rounds}\t${isControl ? "control: " : ""}full`)!;
    const restorer = mean(all, ({ isRight }) => Number(isRight));
    return {
      rounds: Number(rounds),
      policy,
      questions: all.length,
      restorer,
      ofFull: restorer / mean(full, ({ isRight }) => Number(isRight)),
      kl: mean(all, ({ kl }) => kl),
      top1: mean(all, ({ top1 }) => top1),
      captured: mean(all, ({ captured }) => captured),
      attended: mean(all, ({ attended }) => attended),
      saved: mean(all, ({ saved }) => saved),
    };
  });
}

interface Question {
  open: readonly number[];
  reply: readonly number[];
  value: readonly [number, number];
  /** Rounds before it. */
  count: number;
  source: number | undefined;
}

/** Every policy's sample for one question. */
async function play(
  history: History,
  { tailTokens }: Pick<TokenChat, "tailTokens">,
  { open, reply, value, count, source }: Question,
  taus: readonly number[],
): Promise<[string, Sample][]> {
  const mass = await massOf(history, count, open, tailTokens);
  const rounds = Array.from({ length: count }, (_, i) => ({
    id: i + 1,
    mass: mass[i]!,
    bytes: 0,
    isPinned: false,
  }));
  const choices: [string, number[]][] = [["full", rounds.map(({ id }) => id)]];
  for (const tau of taus) {
    const ids = select(rounds, { tau }).rounds.map(({ id }) => id);
    choices.push([`rounds, tau ${tau}`, ids]);
    if (tau !== taus[0]) continue;
    const k = ids.length;
    choices.push([`last k`, lastOf(count, k)]);
    choices.push([`random k`, randomOf(count, k, count * 7919 + open.length)]);
    if (source !== undefined)
      choices.push(["oracle", [...new Set([source + 1, count])]]);
  }

  const own = [...open, ...reply.slice(0, -1)];
  const positions = reply.length;
  const samples: [string, Sample][] = [];
  let full: Float32Array[] | undefined;
  for (const [policy, ids] of choices) {
    const selected = new Set(ids);
    const logits = await history.logits(count, own, positions, selected);
    full ??= logits;
    const [first, end] = value;
    const argmax = logits.map(likeliest);
    samples.push([
      policy,
      {
        isRight: reply
          .slice(first, end)
          .every((token, i) => argmax[first + i] === token),
        kl: average(logits.map((row, i) => divergence(full![i]!, row))),
        top1: average(
          argmax.map((token, i) => Number(token === likeliest(full![i]!))),
        ),
        captured: ids.reduce((sum, id) => sum + mass[id - 1]!, 0),
        attended: ids.length,
        saved: savedBy(history, count, selected),
      },
    ]);
  }
  return samples;
}

/** The question that no few rounds answer, with full attention's own reply. */
async function everything(
  history: History,
  tokens: TokenChat,
  chat: BenchChat,
): Promise<Question> {
  const asked = inTokens(history.model, {
    rounds: [...chat.rounds, { user: chat.everything, reply: "" }],
  });
  const { open } = asked.rounds.at(-1)!;
  const count = tokens.rounds.length;
  const reply: number[] = [];
  const stops = new Set(history.model.generation.eosTokenIds);
  while (reply.length < MOST_POSITIONS) {
    const [row] = await history.logits(count, [...open, ...reply], 1);
    const token = likeliest(row!);
    reply.push(token);
    if (stops.has(token)) break;
  }
  return { open, reply, value: [0, reply.length], count, source: undefined };
}

/** Mass by round at the watershed, as a turn measures it. */
export async function massOf(
  {
    runner,
    residency,
    rounds,
    model,
  }: Pick<History, "runner" | "residency" | "rounds" | "model">,
  count: number,
  open: readonly number[],
  tailTokens: number,
): Promise<number[]> {
  const own = newRound(-1, open);
  for (const half of HALVES) await residency.give(own, half);
  const frame = frameOf({
    history: rounds.slice(0, count + 1),
    own: [own],
    ownTokens: open.length,
    contextTokens: model.contextTokens,
    selected: new Set(),
  });
  const prefill = runner.prefill({
    frame,
    rows: pendingSpans(frame.lower.slice(-1)),
    layers: runner.layersOf("lower"),
    massRows: model.selection.rows === "tail" ? tailTokens : open.length,
  });
  for await (const _ of prefill) void _;
  const { heads } = model.selection;
  const all = Array.from({ length: runner.decoder.headCount }, (_, h) => h);
  const pageMass = runner.mass.pageMass(heads === "all" ? all : heads);
  for (const half of HALVES) residency.drop(own, half);
  const history = rounds.slice(1, count + 1);
  return [...massByRound(frame.lower, pageMass, history).values()];
}

function savedBy(
  { rounds, residency }: History,
  count: number,
  selected: ReadonlySet<number>,
): number {
  const bytes = (half: "lower" | "upper", isIn: (id: number) => boolean) =>
    rounds
      .slice(0, count + 1)
      .filter(({ id }) => id === 0 || isIn(id))
      .reduce(
        (sum, { tokens }) => sum + residency.bytesFor(tokens.length, half),
        0,
      );
  const all = () => true;
  const full = bytes("lower", all) + bytes("upper", all);
  const used = bytes("lower", all) + bytes("upper", (id) => selected.has(id));
  return 1 - used / full;
}

function lastOf(count: number, k: number): number[] {
  return Array.from({ length: k }, (_, i) => count - k + 1 + i);
}

/** The last round and k - 1 others. */
function randomOf(count: number, k: number, seed: number): number[] {
  const ids = Array.from({ length: count - 1 }, (_, i) => i + 1);
  let state = seed;
  const order = new Map(
    ids.map((id) => {
      state = (1_103_515_245 * state + 12_345) % 2 ** 31;
      return [id, state];
    }),
  );
  const some = ids
    .toSorted((a, b) => order.get(a)! - order.get(b)!)
    .slice(0, k - 1);
  return [...some, count].sort((a, b) => a - b);
}

function mean<T>(all: readonly T[], of: (one: T) => number): number {
  return average(all.map(of));
}

/** The rows as a table. */
export function roundsTable(rows: readonly RoundsRow[]): string {
  const head = [
    "rounds",
    "policy",
    "questions",
    "recall",
    "of full",
    "KL",
    "top-1",
    "captured",
    "attended",
    "saved",
  ];
  const cells = rows
    .toSorted((a, b) => a.rounds - b.rounds)
    .map((row) => [
      String(row.rounds),
      row.policy,
      String(row.questions),
      row.restorer.toFixed(3),
      row.ofFull.toFixed(3),
      row.kl.toFixed(4),
      row.top1.toFixed(3),
      row.captured.toFixed(3),
      row.attended.toFixed(1),
      `${(100 * row.saved).toFixed(1)} %`,
    ]);
  const line = (one: readonly string[]) => `| ${one.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...cells.map(line)].join(
    "\n",
  );
}
