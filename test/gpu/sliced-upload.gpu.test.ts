import { expect, test } from "vitest";
import { SlicedUpload } from "../../src/gpu/sliced-upload";
import { downloadWords, emptyBuffer, testGpu } from "../support/gpu";
import { seededInts } from "../support/random";

const gpu = await testGpu();

test("data arrives in slices, at any offset, over several writes", async () => {
  const words = seededInts(100, 2 ** 31, 1);
  const data = new Uint8Array(words.buffer);
  const buffer = emptyBuffer(gpu, 440);
  const upload = new SlicedUpload(gpu, { sliceBytes: 64, inFlightBytes: 128 });
  const { writes } = gpu.counts;
  await upload.write(() => buffer, 12, data.subarray(0, 200));
  await upload.write(() => buffer, 212, data.subarray(200));
  expect(gpu.counts.writes - writes).toBe(8);
  expect((await downloadWords(gpu, buffer)).subarray(3, 103)).toEqual(words);
});

test("a buffer that was replaced while the upload waited is asked for again", async () => {
  const buffers = [emptyBuffer(gpu, 64), emptyBuffer(gpu, 64)];
  const data = new Uint8Array(64).fill(1);
  let asked = 0;
  const upload = new SlicedUpload(gpu, { sliceBytes: 32, inFlightBytes: 32 });
  await upload.write(() => buffers[asked++]!, 0, data);
  const [first, second] = await Promise.all(
    buffers.map((buffer) => downloadWords(gpu, buffer)),
  );
  expect([...first!]).toEqual([
    ...Array<number>(8).fill(0x01010101),
    ...Array<number>(8).fill(0),
  ]);
  expect([...second!]).toEqual([
    ...Array<number>(8).fill(0),
    ...Array<number>(8).fill(0x01010101),
  ]);
});
