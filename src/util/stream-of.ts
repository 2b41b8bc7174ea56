/** What a generator yields, as a stream; a reader that leaves ends it. Safari has no ReadableStream.from. */
export function streamOf<T>(
  values: AsyncGenerator<T, void>,
): ReadableStream<T> {
  return new ReadableStream<T>({
    async pull(controller) {
      const next = await values.next();
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    },
    async cancel() {
      await values.return();
    },
  });
}
