import { afterAll, expect, test } from "vitest";
import { averaged } from "../../../src/engine/rounds/calibration";
import { frameOf } from "../../../src/engine/run/attention-frame";
import { questionMass } from "../../../src/engine/rounds/question-mass";
import { massByRound } from "../../../src/engine/rounds/round-mass";
import { pendingSpans } from "../../../src/engine/run/runner";
import { LoadedModel } from "../../../src/engine/load/loaded-model";
import { newRound } from "../../../src/memory/round";
import { HALVES } from "../../../src/util/kv-half";
import { fetchedFiles } from "../../../src/model/files/model-files";
import reference from "../../golden/rondo-tiny/reference.json";

const MODEL = new URL("/models/rondo-tiny/", location.href).href;
const loaded = await LoadedModel.open(fetchedFiles(MODEL), {});
afterAll(() => loaded.destroy());

const { ids, roundStarts, tailRows } = reference;
const [tailStart, tailEnd] = tailRows as [number, number];
const question = ids.slice(roundStarts.at(-1), tailEnd);
const tailTokens = tailEnd - tailStart;

/** The golden chat before its last question, its KV on the GPU. */
async function readHistory() {
  const { runner, residency, model } = loaded;
  const edges = [0, ...roundStarts];
  const history = roundStarts.map((end, id) =>
    newRound(id, ids.slice(edges[id], end)),
  );
  for (const round of history)
    for (const half of HALVES) await residency.give(round, half);
  const { contextTokens } = model;
  const frame = frameOf({ history, own: [], ownTokens: 0, contextTokens });
  const rows = pendingSpans(frame.lower);
  for await (const _ of runner.prefill({ frame, rows })) void _;
  return history;
}

const history = await readHistory();
const { contextTokens } = loaded.model;
const mass = (await questionMass(loaded.runner, loaded.residency, {
  history,
  question,
  tailTokens,
  contextTokens,
}))!;

test("agrees with the reference at every layer", () => {
  const golden = Object.values(reference.massOfRoundsFromTailRows);
  golden.forEach((expected, layer) => {
    const shares = averaged(mass.tail[layer]!);
    expected.forEach((share, round) =>
      expect(shares[round]).toBeCloseTo(share, 2),
    );
  });
});

test("is what a turn selects by", async () => {
  const { runner, residency } = loaded;
  const own = newRound(-1, question);
  for (const half of HALVES) await residency.give(own, half);
  const frame = frameOf({
    history,
    own: [own],
    ownTokens: question.length,
    contextTokens,
    selected: new Set(),
  });
  const layers = runner.layersOf("lower");
  const prefill = runner.prefill({
    frame,
    rows: pendingSpans(frame.lower.slice(-1), "lower"),
    layers,
    massRows: tailTokens,
  });
  for await (const _ of prefill) void _;
  for (const heads of [
    [0, 1, 2, 3, 4, 5],
    [0, 3],
  ]) {
    const pageMass = runner.mass.pageMass(heads);
    const turn = massByRound(frame.lower, pageMass, history.slice(1));
    const learned = averaged(mass.tail[layers.to - 1]!, heads);
    [...turn.values()].forEach((share, round) =>
      expect(learned[round]).toBeCloseTo(share, 4),
    );
  }
  for (const half of HALVES) residency.drop(own, half);
});
