// The best and the sum of what a workgroup's invocations have, and the blocks that logits are read in.

const SAMPLE_BLOCK = 1024u; // logits of a workgroup that passes over them
const NO_TOKEN = 0xffffffffu;
const LEAST = -3.4e38;

// A power of two, at least 16. On software adapters barriers cost more the more invocations meet them.
override sample_lanes = 256u;

struct Best { value : f32, token : u32 }

var<workgroup> best_values : array<f32, sample_lanes>;
var<workgroup> best_tokens : array<u32, sample_lanes>;

fn better(a : Best, b : Best) -> Best {
  if (b.value > a.value || (b.value == a.value && b.token < a.token)) { return b; }
  return a;
}

// The largest value of all invocations, the lowest token on ties; the same in every invocation.
fn workgroup_best(mine : Best, lane : u32) -> Best {
  workgroupBarrier();
  best_values[lane] = mine.value;
  best_tokens[lane] = mine.token;
  workgroupBarrier();
  for (var stride = sample_lanes / 2u; stride > 0u; stride /= 2u) {
    if (lane < stride) {
      let joined = better(Best(best_values[lane], best_tokens[lane]),
                          Best(best_values[lane + stride], best_tokens[lane + stride]));
      best_values[lane] = joined.value;
      best_tokens[lane] = joined.token;
    }
    workgroupBarrier();
  }
  return Best(best_values[0], best_tokens[0]);
}

// Σ value over the workgroup, in an order that does not change; the same in every invocation.
fn workgroup_total(value : f32, lane : u32) -> f32 {
  workgroupBarrier();
  best_values[lane] = value;
  workgroupBarrier();
  for (var stride = sample_lanes / 2u; stride > 0u; stride /= 2u) {
    if (lane < stride) { best_values[lane] += best_values[lane + stride]; }
    workgroupBarrier();
  }
  return best_values[0];
}
