/**
 * Fingerprints of what made stored text and stored KV. If they differ, neither can be used as it is: tokens are
 * made again from the text, KV is computed again from the tokens.
 */
import type { KvShape } from "../../memory/kv-cache";
import { PAGE_TOKENS } from "../../memory/page-pool";
import type { ModelConfig } from "../../model/config/computable";
import type { WeightFormats } from "../../model/weights/matrix-format";
import { sha256 } from "../../util/hash";

/** Raise it when the same files give other tokens: after changes of chat-layout.ts, tokenizer.ts and the like. */
const TEXT_VERSION = 1;
/** Raise it when the same tokens give other KV: after changes of kernels beyond rounding, or of what pages hold. */
const SEGMENT_VERSION = 1;

export interface TextParts {
  /** SHA-256 of the tokenizer's and the template's files, by name. */
  fileHashes: Readonly<Record<string, string>>;
  /** The token that every text begins with, if there is one. */
  bos?: number | undefined;
  /** The template that stands in for the files', if there is one. */
  turns?: string | undefined;
}

/** Fingerprint of what turns text into tokens. */
export function textFingerprint({
  fileHashes,
  bos,
  turns,
}: TextParts): Promise<string> {
  return sha256(
    JSON.stringify({
      version: TEXT_VERSION,
      bos,
      turns,
      files: Object.entries(fileHashes).toSorted(([a], [b]) =>
        a < b ? -1 : 1,
      ),
    }),
  );
}

export interface SegmentParts {
  /** Shapes of the network, its norms and its RoPE, as its architecture names them. */
  config: Pick<ModelConfig, "kvIdentity">;
  /** SHA-256 of all weights, as they are in the files. */
  weightsHash: string;
  /** How the weights are quantised on the GPU. */
  weightFormats: WeightFormats;
  textFingerprint: string;
  /** The layout of pages: which layers are a half, and the element type. */
  pages: Pick<KvShape, "format" | "watershed">;
}

/** Fingerprint of what turns tokens into KV, and of how that lies in pages. */
export function segmentFingerprint({
  config,
  weightsHash,
  weightFormats,
  textFingerprint,
  pages,
}: SegmentParts): Promise<string> {
  return sha256(
    JSON.stringify({
      version: SEGMENT_VERSION,
      // RoPE is part of it.
      config: config.kvIdentity,
      weightsHash,
      weightFormats,
      textFingerprint,
      pageTokens: PAGE_TOKENS,
      format: pages.format,
      watershed: pages.watershed,
    }),
  );
}

/** SHA-256 of a round's tokens: what its own KV depends on besides the model and the rounds before. */
export function contentHash(tokens: ArrayLike<number>): Promise<string> {
  return sha256(Uint32Array.from(tokens));
}

/**
 * The fingerprint of a stored half: of the model that computed it and of its tokens. It reveals a round whose
 * tokens changed while its segments stayed, through a crash or another tab.
 */
export function segmentName(
  modelFingerprint: string,
  contentHash: string,
): string {
  return `${modelFingerprint}/${contentHash}`;
}
