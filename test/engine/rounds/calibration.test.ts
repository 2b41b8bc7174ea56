import { describe, expect, test } from "vitest";
import {
  averaged,
  calibrate,
  type QuestionMass,
} from "../../../src/engine/rounds/calibration";

/** One head; the layers' masses over three rounds. */
function question(
  tail: number[][],
  all: number[][] = tail,
  source?: number,
): QuestionMass {
  const oneHead = (layers: number[][]) => layers.map((mass) => [mass]);
  return { tail: oneHead(tail), all: oneHead(all), source };
}

const SPREAD = [0.34, 0.33, 0.33];

test("mass is averaged over heads, or some of them", () => {
  const byHead = [
    [1, 0],
    [0, 1],
    [0.5, 0.5],
  ];
  expect(averaged(byHead)).toEqual([0.5, 0.5]);
  expect(averaged(byHead, [0, 2])).toEqual([0.75, 0.25]);
});

test("a head that looks elsewhere than at rounds counts for little", () => {
  const byHead = [
    [0.72, 0.08],
    [0.01, 0.19],
  ];
  const [first, second] = averaged(byHead);
  expect(first).toBeCloseTo(0.73);
  expect(second).toBeCloseTo(0.27);
  expect(averaged(byHead, [1])[0]).toBeCloseTo(0.05);
});

describe("C(l)", () => {
  test("is 1 where a layer selects what the later ones look at", () => {
    const { worth } = calibrate([
      question([
        [0.95, 0.05, 0],
        [0.9, 0.1, 0],
        [0.8, 0.2, 0],
      ]),
    ]);
    // The last round is selected whatever its mass: two rounds, the first and the last.
    expect(worth[0]!.captured).toBeCloseTo((0.9 / 1 + 0.8 / 1) / 2);
    expect(worth[0]!.share).toBeCloseTo(2 / 3);
    expect(worth[0]!.cost).toBeCloseTo(1 / 3 + (2 / 3) * (2 / 3));
  });

  test("falls where it selects something else", () => {
    const { worth } = calibrate([
      question([
        [0, 0, 1],
        [1, 0, 0],
      ]),
    ]);
    expect(worth[0]).toMatchObject({ captured: 0, share: 1 / 3 });
  });
});

describe("the watershed", () => {
  test("is where the answer is found with the least KV, not where all is selected", () => {
    const layers = [SPREAD, [0.95, 0.05, 0], [0.9, 0.1, 0], SPREAD];
    const asked = question(layers, layers, 0);
    expect(calibrate([asked])).toMatchObject({ watershed: 1, rows: "tail" });
  });

  test("is found by C(l) alone where no answer is known", () => {
    const layers = [
      [0, 1, 0],
      [0.05, 0, 0.95],
      [0, 0, 1],
      [0, 0, 1],
    ];
    expect(calibrate([question(layers)]).watershed).toBe(1);
  });

  test("is not where attention is spread, though nearly all is selected there", () => {
    const spread = [0.2, 0.2, 0.2, 0.2, 0.2];
    const sharp = [0, 0.96, 0.02, 0.01, 0.01];
    const later = [0.1, 0.5, 0.2, 0.1, 0.1];
    const { watershed, worth } = calibrate([
      question([spread, sharp, later, later]),
    ]);
    expect(worth[0]!.captured).toBe(1);
    expect(worth[0]!.gain).toBe(0);
    expect(watershed).toBe(1);
  });

  test("is asked of all rows where the tail's do not know", () => {
    const tail = [[0, 1, 0], [0, 1, 0], SPREAD];
    const all = [[1, 0, 0], [1, 0, 0], SPREAD];
    expect(calibrate([question(tail, all, 0)])).toMatchObject({
      watershed: 0,
      rows: "all",
    });
  });

  test("is the best there is where none is good enough", () => {
    const layers = [[0, 1, 0], [0, 1, 0], SPREAD];
    const hit = question([[0, 1, 0], [1, 0, 0], SPREAD], layers, 0);
    const missed = question(layers, layers, 0);
    expect(calibrate([hit, missed]).watershed).toBe(1);
  });
});

test("heads that know better are asked alone", () => {
  const knowing = [0.96, 0.04, 0];
  const guessing = [0.02, 0.98, 0];
  const layers = [
    [knowing, guessing],
    [knowing, knowing],
  ];
  const asked: QuestionMass = { tail: layers, all: layers };
  const { heads } = calibrate([asked], 0.4);
  expect(heads).toEqual([0]);
});

test("without a question there is nothing to learn", () => {
  expect(() => calibrate([])).toThrow("no question");
});
