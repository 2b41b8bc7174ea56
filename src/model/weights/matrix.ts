/** A weight matrix on the GPU. */
import type { MatrixFormat } from "./matrix-format";

export interface Matrix {
  format: MatrixFormat;
  rows: number;
  /** Rows are padded with zeros to a multiple of eight columns. */
  columns: number;
  /** Its rows, in order: in several parts if one storage binding would be too small for all. */
  parts: MatrixPart[];
}

export interface MatrixPart {
  firstRow: number;
  rows: number;
  weights: GPUBuffer;
  /** Only for quantised formats. */
  scales: GPUBuffer | undefined;
}
