/**
 * What TypeScript writes for the shaders, read back as their structs lay it out: a field that is added, dropped
 * or moved on one side alone gives other values here.
 */
import { describe, expect, it, vi } from "vitest";
import embed from "../../shaders/embed.wgsl?raw";
import linear from "../../shaders/shared/linear.wgsl?raw";
import packed from "../../shaders/shared/packed.wgsl?raw";
import pages from "../../shaders/shared/pages.wgsl?raw";
import sampling from "../../shaders/shared/sampling.wgsl?raw";
import scoring from "../../shaders/shared/scoring.wgsl?raw";
import step from "../../shaders/shared/step.wgsl?raw";
import weights from "../../shaders/shared/weights.wgsl?raw";
import {
  scoredPages,
  scoringWords,
  unitTable,
} from "../../src/engine/run/scoring";
import { KV_FORMAT, WEIGHT_FORMAT } from "../../src/kernels/formats";
import { EPILOGUE } from "../../src/kernels/linear";
import { PAGE_ENTRY_WORDS, PAGE_TOKENS } from "../../src/memory/page-pool";
import {
  pageEntry,
  pageTable,
  placeRounds,
  roundPages,
} from "../../src/memory/page-table";
import { newRound } from "../../src/memory/round";
import {
  type DrawSettings,
  SamplerBuffer,
} from "../../src/model/network/sampler-buffer";
import { SAMPLED, type Step, StepBuffer } from "../../src/model/network/step";
import { HALVES } from "../../src/util/kv-half";
import { fakeGpu } from "../support/fake-gpu";
import { constantOf, structOf } from "../support/wgsl-struct";

const STEP = structOf(step, "Step");
const PAGE = structOf(step, "Page");

/** The words that a step buffer for `capacity` rows writes, and how large it is. */
function written(one: Step, capacity = one.rows.length) {
  const gpu = fakeGpu();
  const write = vi.spyOn(gpu, "write");
  const steps = new StepBuffer(gpu, capacity);
  steps.write(one);
  return {
    bytes: steps.buffer.size,
    offset: write.mock.lastCall![1],
    data: write.mock.lastCall![2] as Uint8Array,
  };
}

const row = (from: number) => ({
  token: from,
  position: from + 1,
  localPosition: from + 2,
  lowerSlot: from + 3,
  upperSlot: from + 4,
  lowerLocalSlot: from + 5,
  upperLocalSlot: from + 6,
});
const rowInWgsl = (from: number) => ({
  token: from,
  position: from + 1,
  local_position: from + 2,
  slots: [from + 3, from + 4],
  local_slots: [from + 5, from + 6],
});

const twoRows = {
  rows: [row(100), row(200)],
  askedRows: 1,
  lowerPages: 21,
  upperPages: 22,
  lowerSplits: 23,
  upperSplits: 24,
  local: { lowerPages: 25, upperPages: 26, lowerSplits: 27, upperSplits: 28 },
};

describe("a reply's sampler settings", () => {
  const SAMPLER = structOf(sampling, "Sampler");
  const settings = {
    seed: 32,
    temperature: 0.5,
    topK: 33,
    topP: 0.25,
    minP: 0.125,
    repetitionPenalty: 1.5,
  };
  const inWgsl = {
    seed: 32,
    temperature: 0.5,
    top_k: 33,
    top_p: 0.25,
    min_p: 0.125,
    repetition_penalty: 1.5,
  };
  const writtenAs = (given: DrawSettings) => {
    const gpu = fakeGpu();
    const write = vi.spyOn(gpu, "write");
    const buffer = new SamplerBuffer(gpu);
    buffer.write(given);
    expect(buffer.buffer.size).toBe(SAMPLER.bytes);
    return SAMPLER.readAll(write.mock.lastCall![2]);
  };

  it("are what their struct says", () => {
    const more = {
      ...settings,
      presencePenalty: 0.75,
      frequencyPenalty: -0.5,
      hasBias: true,
      hasMask: true,
    };
    expect(writtenAs(more)).toEqual({
      ...inWgsl,
      presence_penalty: 0.75,
      frequency_penalty: -0.5,
      has_bias: 1,
      has_mask: 1,
    });
  });

  it("change nothing that they do not name", () => {
    expect(writtenAs(settings)).toEqual({
      ...inWgsl,
      presence_penalty: 0,
      frequency_penalty: 0,
      has_bias: 0,
      has_mask: 0,
    });
  });
});

describe("a step", () => {
  it("is what its struct says, with its draw and appended pages", () => {
    const { data } = written({
      ...twoRows,
      draw: 31,
      appended: {
        lower: [41, 42, 43, 44, 45, 46, 47],
        upper: [51, 52, 53, 54, 55, 56, 57],
      },
      // The lower half has no local layers with pages of their own.
      appendedLocal: { upper: [61, 62, 63, 64, 65, 66, 67] },
    });
    const appended = ([
      index,
      page,
      base,
      place,
      first,
      valid,
      round,
    ]: number[]) => ({
      index,
      entry: { page, base, place, first, valid, round },
    });
    expect(STEP.readAll(data)).toEqual({
      local_tables: {
        page_counts: [25, 26],
        splits: [27, 28],
        appended: [
          appended([41, 42, 43, 44, 45, 46, 47]),
          appended([61, 62, 63, 64, 65, 66, 67]),
        ],
      },
      row_count: 2,
      asked_count: 1,
      tables: {
        page_counts: [21, 22],
        splits: [23, 24],
        appended: [
          appended([41, 42, 43, 44, 45, 46, 47]),
          appended([51, 52, 53, 54, 55, 56, 57]),
        ],
      },
      draw: 31,
      rows: [rowInWgsl(100), rowInWgsl(200)],
    });
  });

  it("without local layers is the same, less what only those read", () => {
    const whole = written(twoRows).data;
    const { local: _, ...plain } = twoRows;
    const { data, offset } = written(plain);
    const tables = structOf(step, "Tables").bytes;
    expect(offset).toBe(tables);
    expect(data).toEqual(whole.slice(tables, whole.length - 8));
    expect(written(twoRows).offset).toBe(0);
  });

  it("has room for its rows in its buffer", () => {
    const { bytes } = structOf(step, "Row");
    expect(written(twoRows, 256).bytes).toBe(STEP.bytes + 256 * bytes);
  });
});

describe("a page table", () => {
  const round = newRound(7, Array<number>(20).fill(0));
  round.lower.pages.push(61, 62);
  const [placed] = placeRounds([round], 1000);
  const last = {
    page: 62,
    base: 1000,
    place: 1000,
    first: 16,
    valid: 4,
    round: 7,
  };

  it("has an entry as its struct says for each page", () => {
    const wgsl = `${step} struct Table { entries : array<Page> }`;
    const table = pageTable([placed!], "lower");
    expect(structOf(wgsl, "Table").readAll(table)).toEqual({
      entries: [{ ...last, page: 61, first: 0, valid: 16 }, last],
    });
    expect(PAGE_ENTRY_WORDS * 4).toBe(PAGE.bytes);
  });

  it("is appended to with such entries", () => {
    const entry = pageEntry(placed!, "lower", 1, 20);
    expect(PAGE.readAll(Uint32Array.from(entry))).toEqual(last);
    expect(structOf(step, "AppendedPage").bytes).toBe(4 + PAGE.bytes);
  });
});

describe("a scoring", () => {
  const units = [
    { pages: [61, 62], tokens: 20, ahead: 30 },
    { pages: [71], tokens: 5, ahead: 5 },
  ];
  const listOf = (struct: string) =>
    structOf(`${scoring} struct List { all : array<${struct}> }`, "List");

  it("is what its struct says", () => {
    const data = scoringWords(
      { firstRow: 1, rows: 2, firstPlace: 30 },
      { from: 10, to: 50 },
      { units: 4, residentPages: 5 },
    );
    expect(structOf(scoring, "Scoring").readAll(data)).toEqual({
      first_row: 1,
      row_count: 2,
      first_place: 30,
      resident_pages: 5,
      unit_count: 4,
      out_row: 20,
      out_rows: 40,
    });
  });

  it("has an entry as its struct says for each page", () => {
    expect(listOf("ScoredPage").readAll(scoredPages(units))).toEqual({
      all: [
        { page: 61, ahead: 30, first: 0, valid: 16 },
        { page: 62, ahead: 30, first: 16, valid: 4 },
        { page: 71, ahead: 5, first: 0, valid: 5 },
      ],
    });
  });

  it("has an entry as its struct says for each unit", () => {
    expect(listOf("ScoredUnit").readAll(unitTable(units))).toEqual({
      all: [
        { first: 0, count: 2 },
        { first: 2, count: 1 },
      ],
    });
  });
});

it("a round's pages are packed from a list that is what its struct says", () => {
  const data = roundPages([61, 62, 63], 40);
  expect(structOf(packed, "RoundPages").readAll(data)).toEqual({
    page_count: 3,
    tokens: 40,
    pages: [61, 62, 63],
  });
});

it("numbers have the same meaning on both sides", () => {
  expect(constantOf(pages, "PAGE_TOKENS")).toBe(PAGE_TOKENS);
  expect(constantOf(embed, "SAMPLED")).toBe(SAMPLED);
  for (const [i, half] of HALVES.entries())
    expect(constantOf(step, half.toUpperCase())).toBe(i);
  for (const [name, value] of Object.entries(WEIGHT_FORMAT))
    expect(constantOf(weights, `WEIGHT_${name}`)).toBe(value);
  for (const [name, value] of Object.entries(KV_FORMAT))
    expect(constantOf(pages, `KV_${name.toUpperCase()}`)).toBe(value);
  for (const [name, value] of Object.entries(EPILOGUE))
    expect(constantOf(linear, name.replace(/[A-Z]/, "_$&").toUpperCase())).toBe(
      value,
    );
});
