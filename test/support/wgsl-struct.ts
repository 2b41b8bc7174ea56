/** WGSL structs as the standard lays them out in storage buffers, to read what TypeScript writes for the shaders. */

/** A type of a field: how it is laid out, and its value in a buffer. */
interface WgslType {
  /** As it is written in WGSL. */
  name: string;
  align: number;
  /** A runtime-sized array, which is the rest of its buffer, has none of its own. */
  bytes: number;
  read: (view: DataView, at: number) => unknown;
}

export interface WgslField {
  name: string;
  type: string;
  offset: number;
}

export interface WgslStruct extends WgslType {
  fields: WgslField[];
  /** Its value in a buffer that holds nothing else. */
  readAll: (data: ArrayBufferView) => unknown;
}

/**
 * The struct of this name.
 *
 * @throws RangeError where there is none, or one that is laid out by hand
 */
export function structOf(wgsl: string, name: string): WgslStruct {
  const source = bare(wgsl);
  const body = new RegExp(`\\bstruct ${name} \\{([^}]*)\\}`).exec(source)?.[1];
  if (body === undefined) throw new RangeError(`no struct ${name}`);
  if (body.includes("@"))
    throw new RangeError(`struct ${name} has attributes, which are not read`);

  let end = 0;
  const fields = membersOf(body).map(([field, type]) => {
    const laidOut = typeOf(source, type);
    const offset = roundUp(end, laidOut.align);
    end = offset + laidOut.bytes;
    return { name: field, offset, laidOut };
  });
  const align = Math.max(...fields.map(({ laidOut }) => laidOut.align));
  const read = (view: DataView, at: number) =>
    Object.fromEntries(
      fields.map(({ name, offset, laidOut }) => [
        name,
        laidOut.read(view, at + offset),
      ]),
    );
  return {
    name,
    align,
    bytes: roundUp(end, align),
    read,
    fields: fields.map(({ name, offset, laidOut }) => ({
      name,
      type: laidOut.name,
      offset,
    })),
    readAll: ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
      read(new DataView(buffer, byteOffset, byteLength), 0),
  };
}

/** Names of all structs. */
export function structNames(wgsl: string): string[] {
  return [...bare(wgsl).matchAll(/\bstruct (\w+)/g)].map(([, name]) => name!);
}

/**
 * The whole number that a constant stands for.
 *
 * @throws RangeError where there is none of this name
 */
export function constantOf(wgsl: string, name: string): number {
  const pattern = new RegExp(`\\bconst ${name} = (0x[0-9a-f]+|\\d+)u?;`);
  const value = pattern.exec(bare(wgsl))?.[1];
  if (value === undefined) throw new RangeError(`no constant ${name}`);
  return Number(value);
}

function bare(wgsl: string): string {
  return wgsl.replace(/\/\/.*$/gm, "");
}

/** Names and types of a struct's body: commas within angle brackets part no members. */
function membersOf(body: string): [name: string, type: string][] {
  let depth = 0;
  let marked = "";
  for (const letter of body) {
    if (letter === "<") depth++;
    if (letter === ">") depth--;
    marked += letter === "," && depth === 0 ? ";" : letter;
  }
  return marked
    .split(";")
    .map((member) => member.split(":").map((part) => part.trim()))
    .filter((parts): parts is [string, string] => parts.length === 2);
}

function typeOf(source: string, name: string): WgslType {
  const scalar = SCALARS[name];
  if (scalar) return { name, align: 4, bytes: 4, read: scalar };

  const [, width, letter] = /^vec([234])([fiu])$/.exec(name) ?? [];
  if (width !== undefined) {
    const count = Number(width);
    const read = SCALARS[{ f: "f32", i: "i32", u: "u32" }[letter!]!]!;
    return {
      name,
      align: count === 2 ? 8 : 16,
      bytes: 4 * count,
      read: (view, at) =>
        Array.from({ length: count }, (_, i) => read(view, at + 4 * i)),
    };
  }

  const [, element, length] = /^array<(.*?)(?:, *(\d+))?>$/.exec(name) ?? [];
  if (element === undefined) return structOf(source, name);
  const { align, bytes, read } = typeOf(source, element);
  const stride = roundUp(bytes, align);
  const countIn = (room: number) =>
    length === undefined ? room / stride : Number(length);
  return {
    name,
    align,
    bytes: length === undefined ? 0 : Number(length) * stride,
    read(view, at) {
      const count = countIn(view.byteLength - at);
      if (!Number.isInteger(count))
        throw new RangeError(`${count} elements of ${name}`);
      return Array.from({ length: count }, (_, i) =>
        read(view, at + i * stride),
      );
    },
  };
}

const SCALARS: Record<string, (view: DataView, at: number) => number> = {
  u32: (view, at) => view.getUint32(at, true),
  i32: (view, at) => view.getInt32(at, true),
  f32: (view, at) => view.getFloat32(at, true),
};

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}
