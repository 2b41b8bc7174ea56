/** Runs of adjacent pages, for copies that take several at once. */

/** Pages page .. page + count of the pool, which are the round's pages index .. index + count. */
export interface PageRun {
  page: number;
  index: number;
  count: number;
}

/** The fewest runs that cover a round's pages, in its order. */
export function runsOf(pages: readonly number[]): PageRun[] {
  const runs: PageRun[] = [];
  pages.forEach((page, index) => {
    const last = runs.at(-1);
    if (last && page === last.page + last.count) last.count++;
    else runs.push({ page, index, count: 1 });
  });
  return runs;
}
