/** Runs a network on tokens and reads what it computed: for tests of the whole forward pass. */
import type { Gpu } from "../../src/gpu/gpu";
import { readBuffer } from "../../src/gpu/readback";
import { Runner } from "../../src/engine/run/runner";
import type { PlacedRound } from "../../src/memory/page-table";
import { newRound, type Round, slotsOf } from "../../src/memory/round";
import type { ModelConfig } from "../../src/model/config/computable";
import { readConfig } from "../../src/model/config/config";
import { strideOf } from "../../src/model/weights/matrix-format";
import type { MassRequest } from "../../src/model/network/decoder";
import { ASKED_CAPACITY } from "../../src/model/network/workspace";
import {
  buildNetwork,
  type Network,
  type NetworkOptions,
} from "../../src/engine/load/network";
import { fitRound, markComputed, reservePages } from "./rounds";
import { memoryCheckpoint, type Tensors } from "./tensors";

export interface TestNetwork extends Network {
  gpu: Gpu;
  runner: Runner;
  layers: number;
}

/** @param config the object of a config.json */
export function testNetwork(
  gpu: Gpu,
  config: unknown,
  tensors: Tensors,
  options: NetworkOptions = {},
): Promise<TestNetwork> {
  return networkOf(gpu, readConfig(config), tensors, options);
}

export async function networkOf(
  gpu: Gpu,
  config: ModelConfig,
  tensors: Tensors,
  options: NetworkOptions = {},
): Promise<TestNetwork> {
  const network = await buildNetwork(gpu, config, memoryCheckpoint(tensors), {
    kvFormat: "f32",
    ...options,
  });
  const runner = new Runner(gpu, network.decoder, network.cache);
  return { gpu, runner, layers: network.config.numHiddenLayers, ...network };
}

/** Rounds of these tokens, with pages but without KV. */
export async function roundsOf(
  network: TestNetwork,
  tokens: readonly (readonly number[])[],
): Promise<Round[]> {
  const rounds = tokens.map((one, id) => newRound(id, one));
  for (const round of rounds) {
    await reservePages(network.cache, Math.ceil(round.tokens.length / 16) + 1);
    fitRound(round, round.tokens.length, network.cache);
  }
  return rounds;
}

/** A row of a placed round. */
export interface Place {
  placed: PlacedRound;
  local: number;
}

/** All rows that lack KV, in order. */
export function pendingPlaces(placed: readonly PlacedRound[]): Place[] {
  return placed.flatMap((one) =>
    one.round.tokens.slice(one.round.lower.computedTokens).map((_, i) => ({
      placed: one,
      local: one.round.lower.computedTokens + i,
    })),
  );
}

/**
 * One step over some rows against all pages of the rounds; returns logits of the last `asked` rows.
 * `splitRows`: as many rows as the turn has, for the number of splits.
 */
export async function forward(
  network: TestNetwork,
  placed: readonly PlacedRound[],
  places: readonly Place[],
  {
    asked = 1,
    layers = { from: 0, to: network.layers },
    splitRows = places.length,
    embeds = true,
    mass,
  }: {
    asked?: number;
    layers?: { from: number; to: number };
    splitRows?: number;
    embeds?: boolean;
    mass?: MassRequest;
  } = {},
): Promise<Float32Array[]> {
  const { gpu, decoder, runner, config } = network;
  if (asked > ASKED_CAPACITY)
    throw new RangeError(`at most ${ASKED_CAPACITY} rows can be asked for`);
  const keys = runner.writeTables({ lower: placed, upper: placed }, splitRows);
  const rows = places.map(({ placed: { round, base }, local }) => ({
    token: round.tokens[local]!,
    position: base + local,
    localPosition: local,
    ...slotsOf(round, local),
  }));
  decoder.workspace.step.write({ rows, askedRows: asked, ...keys });
  gpu.submit("test", (pass) => {
    if (embeds) decoder.embed(pass, rows.length);
    decoder.run(pass, layers, rows.length, keys, mass);
    if (asked > 0 && layers.to === network.layers) decoder.head(pass, asked);
  });
  await gpu.done();
  if (layers.to === network.layers) {
    for (const {
      placed: { round },
      local,
    } of places) {
      markComputed(round, Math.max(round.lower.computedTokens, local + 1));
    }
  }
  const logits = new Float32Array(
    await readBuffer(gpu, decoder.workspace.logits),
  );
  return Array.from({ length: asked }, (_, i) =>
    logits.slice(
      i * strideOf(config.vocabSize),
      i * strideOf(config.vocabSize) + config.vocabSize,
    ),
  );
}

/** The residual stream of the last step's rows. */
export async function residualOf(
  network: TestNetwork,
  rows: number,
): Promise<Float32Array[]> {
  const { hiddenSize } = network.config;
  const stride = strideOf(hiddenSize);
  const values = new Float32Array(
    await readBuffer(
      network.gpu,
      network.decoder.workspace.residual,
      0,
      rows * stride * 4,
    ),
  );
  return Array.from({ length: rows }, (_, row) =>
    values.slice(row * stride, row * stride + hiddenSize),
  );
}
