/** A weight matrix on the GPU. */
import type { MatrixFormat } from "./matrix-format";

export interface Matrix {
  rows: number;
  /** Rows are padded with zeros to a multiple of eight columns. */
  columns: number;
  /** Its rows, in order: as matrix-parts.ts divides them, cut again where one storage binding would be too small. */
  parts: MatrixPart[];
}

export interface MatrixPart {
  format: MatrixFormat;
  firstRow: number;
  rows: number;
  weights: GPUBuffer;
  /** Only for quantised formats. */
  scales: GPUBuffer | undefined;
}
