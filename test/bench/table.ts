/** The benchmark's result for people. */
import type { BenchResult, DecodeTimes } from "./result";

export function benchTable(result: BenchResult): string {
  const { adapter, model, load, turns, prefill, decode } = result;
  const { first, second } = turns;
  const device = [
    adapter.vendor,
    adapter.architecture,
    adapter.device,
    adapter.description,
  ];
  const facts = [
    ["runtime", result.runtime],
    [
      "adapter",
      device.filter(Boolean).join(", ") +
        (adapter.isSoftware ? " (software)" : ""),
    ],
    [
      "model",
      `${model.name}: ${model.architecture}, ${model.layerCount} layers, ${figures(model.parameterCount / 1e6)} M parameters, ` +
        `${figures(model.weightBytes / 1e6)} MB of weights, ${model.kvBytesPerToken} bytes of KV a token, ${model.contextTokens} tokens of context`,
    ],
    [
      "load",
      `${figures(load.firstMs)} ms, and ${figures(load.againMs)} ms again`,
    ],
  ] as const;

  const tables = [
    rows([
      ["first token", "time", "prefilled", "cached", "runs"],
      [
        "first message after loading",
        `${figures(turns.coldMs)} ms`,
        `${first.prefilledTokens}`,
        `${first.cachedTokens}`,
        "1",
      ],
      ...(
        [
          ["first message", first],
          ["second message", second],
        ] as const
      ).map(([name, turn]) => [
        name,
        `${figures(turn.timeToFirstTokenMs)} ms`,
        `${turn.prefilledTokens}`,
        `${turn.cachedTokens}`,
        `${turn.runs}`,
      ]),
    ]),
    rows([
      ["prefill", "tokens/s", "time", "GFLOP/s", "runs"],
      ...prefill.map((times) => [
        `${times.tokens} tokens`,
        figures(times.tokensPerSecond),
        `${figures(times.ms)} ms`,
        figures(times.gflopPerSecond),
        `${times.runs}`,
      ]),
    ]),
    rows([
      ["decode", "tokens/s", "a step", "read", "GB/s", "steps"],
      ...decode.map((times) => [
        `behind ${times.historyTokens} tokens`,
        figures(times.tokensPerSecond),
        `${figures(times.stepMs)} ms`,
        `${figures(times.readBytes / 1e6)} MB`,
        figures(times.readGigabytesPerSecond),
        `${times.steps}`,
      ]),
    ]),
    rows([
      ["a step asks for", ...COUNTS.map(([name]) => name)],
      ...decode.map((times) => [
        `behind ${times.historyTokens} tokens`,
        ...COUNTS.map(([, of]) => figures(of(times))),
      ]),
    ]),
  ];
  const shortened = [...prefill, ...decode]
    .map((one) => ({
      asked: one.askedTokens,
      tokens: "tokens" in one ? one.tokens : one.historyTokens,
    }))
    .filter(({ asked }) => asked !== undefined)
    .map(
      ({ asked, tokens }) =>
        `${tokens} tokens rather than ${asked}: the context holds ${model.contextTokens}, the reply among them.`,
    );
  const width = Math.max(...facts.map(([name]) => name.length)) + 2;
  return [
    facts.map(([name, text]) => name.padEnd(width) + text).join("\n"),
    ...tables,
    ...(shortened.length > 0 ? [shortened.join("\n")] : []),
    "Times are medians.",
  ].join("\n\n");
}

const COUNTS: [name: string, of: (times: DecodeTimes) => number][] = [
  ["dispatches", ({ perStep }) => perStep.dispatches],
  ["passes", ({ perStep }) => perStep.passes],
  ["submits", ({ perStep }) => perStep.submits],
  ["bind groups", ({ perStep }) => perStep.bindGroups],
  ["buffers", ({ perStep }) => perStep.buffers],
  ["writes", ({ perStep }) => perStep.writes],
  ["bytes", ({ perStep }) => perStep.writtenBytes],
];

/** Columns: the first one to the left, the others to the right. */
function rows(cells: readonly (readonly string[])[]): string {
  const widths = cells[0]!.map((_, column) =>
    Math.max(...cells.map((row) => row[column]!.length)),
  );
  return cells
    .map((row) =>
      row
        .map((cell, i) =>
          i === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[i]! + 2),
        )
        .join(""),
    )
    .join("\n");
}

/** A number as far as it is worth reading: three figures, or all before the point. */
function figures(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 100) {
    return Math.round(value).toString();
  }
  return Number(value.toPrecision(3)).toString();
}
