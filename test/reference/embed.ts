/** Rows of an embedding table, one for each token: [tokens, columns]. */
export function embed(
  table: ArrayLike<number>,
  columns: number,
  tokens: ArrayLike<number>,
): Float64Array {
  const x = new Float64Array(tokens.length * columns);
  for (let row = 0; row < tokens.length; row++) {
    for (let i = 0; i < columns; i++) {
      x[row * columns + i] = table[tokens[row]! * columns + i]!;
    }
  }
  return x;
}
