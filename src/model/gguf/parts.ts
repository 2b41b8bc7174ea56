/**
 * A GGUF file in several parts, as one header. The first part has the metadata; each has a header of its own with
 * its tensors, and says which part it is:
 *
 *     split.no              from 0 on
 *     split.count           parts
 *     split.tensors.count   tensors of all parts
 */
import { ModelFormatError } from "../../util/errors";
import { ggufParts } from "../files/gguf-parts";
import type { ModelFiles } from "../files/model-files";
import { type GgufHeader, type GgufTensor, readGgufHeader } from "./header";
import { GgufMetadata } from "./metadata";

/**
 * Reads the headers of all parts.
 *
 * @param file the first part, or a whole file
 * @throws ModelFetchError if a part is missing; ModelFormatError if one is of another file; the signal's reason
 */
export async function readGgufParts(
  files: ModelFiles,
  file: string,
  signal?: AbortSignal,
): Promise<GgufHeader> {
  const names = ggufParts(file);
  const first = await readGgufHeader(files, file, signal);
  expectPart(first, 0, names.length);
  if (names.length === 1) return first;

  const headers = [
    first,
    ...(await Promise.all(
      names.slice(1).map((name) => readGgufHeader(files, name, signal)),
    )),
  ];
  const total = splitNumber(first, "split.tensors.count");
  const tensors = new Map<string, GgufTensor>();
  for (const [number, header] of headers.entries()) {
    expectPart(header, number, names.length);
    const itsTotal = splitNumber(header, "split.tensors.count");
    if (itsTotal !== total)
      refuse(
        header.file,
        `a part of the same model as ${file}, with split.tensors.count ${total}`,
        `${itsTotal}`,
      );
    for (const [name, tensor] of header.tensors) {
      const other = tensors.get(name);
      if (other !== undefined)
        refuse(
          header.file,
          `the tensor ${name} in one part only`,
          `the same name in ${other.part!.file}`,
        );
      tensors.set(name, { ...tensor, part: header });
    }
  }
  if (total !== undefined && tensors.size !== total)
    refuse(
      file,
      `${total} tensors in all ${names.length} parts`,
      `${tensors.size}`,
    );
  return { ...first, tensors };
}

/** Checks that a file is the part that its name says. */
function expectPart(header: GgufHeader, number: number, count: number): void {
  const { file } = header;
  const itsCount = splitNumber(header, "split.count") ?? 1;
  if (itsCount !== count)
    refuse(
      file,
      count === 1
        ? `all parts of the model, under names like name-00001-of-${String(itsCount).padStart(5, "0")}.gguf`
        : `one of ${count} parts of a model, as its name says`,
      `split.count ${itsCount}`,
    );
  const itsNumber = splitNumber(header, "split.no") ?? 0;
  if (itsNumber !== number)
    refuse(
      file,
      `part ${number + 1} of ${count}, as its name says`,
      `part ${itsNumber + 1} (split.no ${itsNumber})`,
    );
}

function splitNumber(header: GgufHeader, key: string): number | undefined {
  return new GgufMetadata(header).number(key);
}

function refuse(file: string, expected: string, found: string): never {
  throw new ModelFormatError({ file, expected, found });
}
