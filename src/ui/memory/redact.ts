/** A snapshot without anything that was said. */
import type { MemorySnapshot } from "../../engine/api/memory-snapshot";

export function withoutText(snapshot: MemorySnapshot): MemorySnapshot {
  const { chat } = snapshot;
  if (chat === undefined) return snapshot;
  const { title: _, ...rest } = chat;
  const rounds = chat.rounds.map(({ text: _, ...round }) => round);
  return { ...snapshot, chat: { ...rest, rounds } };
}

/** For copying, for example into a bug report. */
export function snapshotJson(snapshot: MemorySnapshot): string {
  return JSON.stringify(withoutText(snapshot), null, 2);
}
