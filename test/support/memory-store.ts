/** Stored halves in memory: packed as KvWriter does it, found again by a round's id. */
import type {
  SegmentSource,
  StoredHalf,
} from "../../src/engine/restore/kv-restore";
import type { Gpu } from "../../src/gpu/gpu";
import { isStored, noteStored } from "../../src/memory/half-kv";
import { digestPayload } from "../../src/memory/key-digest";
import type { KvCache } from "../../src/memory/kv-cache";
import type { TransferMode } from "../../src/memory/matrix-group";
import { isReadable, type Round } from "../../src/memory/round";
import { type Half, HALVES } from "../../src/util/kv-half";
import { packHalf } from "../../src/memory/segment-transfer";

export class MemoryStore implements SegmentSource {
  /** By round id and half. */
  readonly halves = new Map<string, StoredHalf>();
  /** Of the keys at the watershed, by round id. */
  readonly digests = new Map<number, Float32Array>();
  /** Halves that are found to be unusable. */
  readonly damaged = new Set<string>();
  /** Reads, in order. */
  readonly reads: string[] = [];

  read(round: Round, half: Half): Promise<StoredHalf | "missing" | "dropped"> {
    const key = keyOf(round, half);
    this.reads.push(key);
    if (this.damaged.has(key)) return Promise.resolve("dropped");
    return Promise.resolve(this.halves.get(key) ?? "missing");
  }

  /** Stores what is resident and not stored yet. */
  async keep(
    gpu: Gpu,
    cache: KvCache,
    rounds: readonly Round[],
    mode: TransferMode = "raw",
  ): Promise<void> {
    for (const round of rounds) {
      for (const half of HALVES) {
        const kv = round[half];
        if (!isReadable(round, half, true) || isStored(kv)) continue;
        const tokens = round.tokens.length;
        const pages = cache[half];
        const payload = await packHalf(
          gpu,
          pages,
          kv.pages,
          mode,
          tokens,
          kv.localPages,
        );
        this.halves.set(keyOf(round, half), { payload, mode });
        const { generation, origin } = kv;
        noteStored(kv, { bytes: payload.length, generation, origin });
        if (half === "upper") continue;
        const { shape, layerCount } = pages;
        const elements = mode === "raw" ? shape.format : mode;
        const { kvHeads, headDim, watershed } = shape;
        const header = {
          fingerprint: "",
          half,
          layerCount,
          kvHeads,
          headDim,
          tokens,
          elements,
        };
        const digest = digestPayload(payload, header, watershed);
        this.digests.set(round.id, digest);
      }
    }
  }
}

/** Such as "3 lower". */
export function keyOf({ id }: Pick<Round, "id">, half: Half): string {
  return `${id} ${half}`;
}
