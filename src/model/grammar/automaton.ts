/**
 * Which bytes may follow a text, by a grammar. A state is the set of all ways in which the text so far can be
 * read; each way is a stack of what is still to come. States are made when a byte first leads to them and are kept,
 * so a byte mostly costs one look into a table. Every state that is reached has an ending.
 */
import { type GrammarNode, isProductive, type Nodes } from "./nodes";

/** What is still to come: `node`, then `next`. Equal stacks are one object. */
export interface Stack {
  readonly id: number;
  readonly node: GrammarNode;
  readonly next: Stack | undefined;
  readonly above: Map<number, Stack>;
}

export interface State {
  /** Those that begin with a byte, ordered by id. */
  readonly stacks: readonly Stack[];
  /** Whether the text may end here. */
  readonly isAccepting: boolean;
  /** By byte: where it leads; null where it may not stand, undefined where that is not known yet. */
  readonly after: (State | null | undefined)[];
}

/** States kept; one has a table of 256 places. */
const MAX_STATES = 20_000;

export class Automaton {
  readonly start: State;
  readonly #nodes: Nodes;
  readonly #states = new Map<string, State>();
  readonly #bottom = new Map<number, Stack>();
  readonly #productive = new Map<GrammarNode, boolean>();
  #stackCount = 0;

  /** @param root its rules are set and marked by `findProductive` */
  constructor(nodes: Nodes, root: GrammarNode) {
    this.#nodes = nodes;
    this.start = this.#stateOf([this.#stack(root, undefined)]);
  }

  /** null where this byte may not stand. */
  step(state: State, byte: number): State | null {
    const known = state.after[byte];
    if (known !== undefined) return known;
    const left: (Stack | undefined)[] = [];
    for (const { node, next } of state.stacks) {
      if (node.kind === "byte") {
        if (node.set[byte] === 1) left.push(next);
      } else if (node.kind === "literal" && node.bytes[node.at] === byte) {
        const rest = this.#nodes.literal(node.bytes, node.at + 1);
        left.push(rest.kind === "empty" ? next : this.#stack(rest, next));
      }
    }
    const after = left.length === 0 ? null : this.#stateOf(left);
    state.after[byte] = after;
    return after;
  }

  /** The one byte that may follow; undefined if several may, or none, or the text may end. */
  onlyByte(state: State): number | undefined {
    if (state.isAccepting) return undefined;
    let only: number | undefined;
    for (const { node } of state.stacks) {
      const byte = onlyByteOf(node);
      if (byte === undefined || (only !== undefined && byte !== only))
        return undefined;
      only = byte;
    }
    return only;
  }

  #stateOf(stacks: readonly (Stack | undefined)[]): State {
    const found = new Map<number, Stack>();
    const seen = new Set<Stack>();
    let isAccepting = false;
    const open = (stack: Stack | undefined): void => {
      if (stack === undefined) {
        isAccepting = true;
        return;
      }
      if (seen.has(stack)) return;
      seen.add(stack);
      const { node, next } = stack;
      if (!isProductive(node, this.#productive)) return;
      switch (node.kind) {
        case "nothing":
          return;
        case "empty":
          return open(next);
        case "byte":
        case "literal":
          found.set(stack.id, stack);
          return;
        case "pair":
          return open(this.#stack(node.first, this.#stack(node.rest, next)));
        case "choice":
          for (const one of node.of) open(this.#stack(one, next));
          return;
        case "repeat": {
          const { of, min, max } = node;
          if (min === 0) open(next);
          const rest = this.#nodes.repeat(of, Math.max(0, min - 1), max - 1);
          const after = rest.kind === "empty" ? next : this.#stack(rest, next);
          return open(this.#stack(of, after));
        }
        case "rule":
          return open(this.#stack(node.rule.node!, next));
        default:
          node satisfies never;
      }
    };
    for (const stack of stacks) open(stack);
    const ids = [...found.keys()].sort((a, b) => a - b);
    const key = `${isAccepting}${ids.join()}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    if (this.#states.size >= MAX_STATES) this.#states.clear();
    const state: State = {
      stacks: ids.map((id) => found.get(id)!),
      isAccepting,
      after: [],
    };
    this.#states.set(key, state);
    return state;
  }

  #stack(node: GrammarNode, next: Stack | undefined): Stack {
    const above = next?.above ?? this.#bottom;
    const known = above.get(node.id);
    if (known !== undefined) return known;
    const id = this.#stackCount++;
    const stack = { id, node, next, above: new Map<number, Stack>() };
    above.set(node.id, stack);
    return stack;
  }
}

function onlyByteOf(node: GrammarNode): number | undefined {
  if (node.kind === "literal") return node.bytes[node.at];
  if (node.kind !== "byte") return undefined;
  const first = node.set.indexOf(1);
  return node.set.indexOf(1, first + 1) < 0 ? first : undefined;
}
